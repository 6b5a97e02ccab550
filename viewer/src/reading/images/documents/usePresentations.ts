/** The presentation states of the studies on the screen. */
import { useEffect, useState } from 'react';
import { studies as calls } from '../../../api/endpoints';
import type { StudyDetail } from '../../../api/types';
import type { Instance } from '../dicomJson';
import { fetchBytes, fetchMetadata } from '../dicomweb';
import { withTables } from '../tables';
import { namesNoImage } from './presentation';

export interface Presentations {
  states: readonly Instance[];
  /** How many of each study (by its place) could not be read, or cannot be shown on any image. */
  unread: readonly number[];
}

const fetchStates = async (address: string): Promise<Instance[]> => Promise.all((await fetchMetadata(address)).map((state) => withTables(state, fetchBytes)));

const seriesMax = 50;
const none: Presentations = { states: [], unread: [] };

export function usePresentations(studies: readonly StudyDetail[]): Presentations {
  const [found, setFound] = useState(none);
  useEffect(() => {
    const series = studies.map((study) =>
      study.series
        .filter(({ modality }) => modality === 'PR')
        .map((one) => `${calls.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${one.series_instance_uid}/metadata`),
    );
    if (series.flat().length === 0) return;
    let stale = false;
    // One that cannot be read takes nothing from the others.
    Promise.all(series.map(async (of) => ({ of, answers: await Promise.allSettled(of.slice(0, seriesMax).map(fetchStates)) }))).then((read) => {
      if (stale) return;
      const states = read.map(({ answers }) => answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])));
      const failed = read.map(({ of, answers }) => Math.max(0, of.length - seriesMax) + answers.filter(({ status }) => status === 'rejected').length);
      setFound({ states: states.flat(), unread: failed.map((n, at) => n + (states[at] ?? []).filter(namesNoImage).length) });
    });
    return () => {
      stale = true;
    };
  }, [studies]);
  return found;
}
