/** The presentation states of the studies on the screen. */
import { useEffect, useState } from 'react';
import { studies as calls } from '../../../api/endpoints';
import type { StudyDetail } from '../../../api/types';
import type { Instance } from '../dicomJson';
import { fetchMetadata } from '../dicomweb';

const seriesMax = 20;
const none: readonly Instance[] = [];

export function usePresentations(studies: readonly StudyDetail[]): readonly Instance[] {
  const [found, setFound] = useState(none);
  useEffect(() => {
    const series = studies.flatMap((study) =>
      study.series
        .filter(({ modality }) => modality === 'PR')
        .map((one) => `${calls.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${one.series_instance_uid}/metadata`),
    );
    if (series.length === 0) return;
    let stale = false;
    // One that cannot be read takes nothing from the others.
    Promise.allSettled(series.slice(0, seriesMax).map(fetchMetadata)).then((answers) => {
      if (!stale) setFound(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])));
    });
    return () => {
      stale = true;
    };
  }, [studies]);
  return found;
}
