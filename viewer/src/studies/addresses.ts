/** Where a study is looked at, and where a question about it is asked. */
import type { Study } from '../api/types';

type Named = Pick<Study, 'organisation' | 'study_instance_uid' | 'slide_ids'>;

/** A pathology study opens as its slide. */
export function studyAddress(study: Named): string {
  const slide = study.slide_ids[0];
  if (slide !== undefined) return `/slides/${encodeURIComponent(slide)}`;
  return `/studies/${encodeURIComponent(study.organisation.id)}/${study.study_instance_uid}`;
}

/** Where a study of the own organisation is put right. */
export function correctionsAddress(study: Pick<Study, 'study_instance_uid'>): string {
  return `/corrections/${study.study_instance_uid}`;
}

/** The same study in OHIF, in the mode for what it shows. */
export function ohifAddress(study: Pick<Study, 'study_instance_uid'>, mode: 'viewer' | 'microscopy'): string {
  return `/ohif/${mode}?StudyInstanceUIDs=${encodeURIComponent(study.study_instance_uid)}`;
}

export function askAddress(study: Named): string {
  const search = new URLSearchParams({ org: study.organisation.id, study: study.study_instance_uid });
  const slide = study.slide_ids[0];
  if (slide !== undefined) search.set('slide', slide);
  return `/ask?${search}`;
}
