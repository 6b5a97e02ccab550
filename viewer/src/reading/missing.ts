/** What is missing before a report is signed: the names of fields, and slides that nobody looked at. */
import { useQueries, useQuery } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { slides } from '../api/endpoints';
import { keys } from '../api/queries';
import { seen } from '../api/slideNotes';
import type { Consult, Slide } from '../api/types';
import type { Template, Words } from '../templates/api';
import { fieldsOf } from '../templates/fill';
import { slideName } from '../slides/tray/useCaseSlides';
import { evidenceOf, isInEvidence } from './evidence';

const known = ['findings', 'diagnosis', 'recommendation', 'evidence'] as const;

/** Sections by their titles, fields (`values.` and their key) by their labels. */
export function missingNames(fields: readonly string[], t: TFunction, template: Template | null, word: (words: Words) => string): string {
  return fields
    .map((field) => {
      const section = template?.sections.find(({ key }) => key === field);
      if (section !== undefined) return word(section.title);
      const filled = template === null ? undefined : fieldsOf(template).find(({ key }) => `values.${key}` === field);
      if (filled !== undefined) return word(filled.label);
      const name = known.find((one) => one === field);
      return name === undefined ? field : t(`canonical.${name}`);
    })
    .join(t('common.listSeparator'));
}

/** The slides that a question about a slide is to be answered from: those that its study had when it was sent. */
export function slidesOfCase(consult: Pick<Consult, 'slide_id' | 'study' | 'evidence'>, all: readonly Slide[]): Slide[] {
  if (consult.slide_id === null) return [];
  const evidence = evidenceOf(consult);
  return all.filter(
    (slide) =>
      slide.study_instance_uid === consult.study.study_instance_uid && slide.organisation.id === consult.study.org && isInEvidence(slide, evidence),
  );
}

/** Names of the case's slides that whoever is about to sign has not opened. It is said, and does not keep anybody from signing. */
export function useUnseenSlides(consult: Consult): string[] {
  const signs = consult.allowed.includes('sign') || consult.allowed.includes('review');
  const isAboutSlide = signs && consult.slide_id !== null;
  const all = useQuery({ queryKey: keys.slides, queryFn: slides.list, enabled: isAboutSlide });
  const ofCase = isAboutSlide ? slidesOfCase(consult, all.data?.slides ?? []) : [];
  const looks = useQueries({
    queries: ofCase.map(({ id }) => ({ queryKey: keys.seen(id), queryFn: () => seen.get(id), staleTime: 30_000 })),
  });
  return ofCase.filter((_, index) => looks[index]?.data?.first_at === null).map(slideName);
}
