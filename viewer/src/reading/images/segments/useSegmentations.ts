/** The segmentations of the studies on the screen, and what the reader wants to see of them. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import { studies as calls } from '../../../api/endpoints';
import type { StudyDetail } from '../../../api/types';
import { fetchMetadata } from '../dicomweb';
import { useAgain } from '../useAgain';
import type { LookOf } from './pixels';
import { SegmentFrames } from './segmentFrames';
import { segmentationOf, type Segment, type Segmentation } from './segmentation';

const seriesMax = 20;
const usualOpacity = 0.4;

export interface SegmentLook {
  isOn: boolean;
  opacity: number;
}

interface Read {
  all: readonly { study: number; of: Segmentation }[];
  /** Series that could not be fetched, and objects of a kind that is not shown. */
  unread: number;
}

export interface Segmentations extends Read {
  isShown: boolean;
  toggle: () => void;
  look: (of: Segmentation, segment: number) => SegmentLook;
  change: (of: Segmentation, segment: number, change: Partial<SegmentLook>) => void;
  lookOf: (of: Segmentation) => LookOf;
  frames: SegmentFrames;
}

const nothing: Read = { all: [], unread: 0 };
const usual: SegmentLook = { isOn: true, opacity: usualOpacity };
const keyOf = (of: Segmentation, segment: number) => `${of.uid}/${segment}`;

async function readAll(studies: readonly StudyDetail[]): Promise<Read> {
  const series = studies.flatMap((study, at) =>
    study.series
      .filter(({ modality }) => modality === 'SEG')
      .map((one) => ({ study: at, address: `${calls.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${one.series_instance_uid}` })),
  );
  const answers = await Promise.allSettled(series.slice(0, seriesMax).map(({ address }) => fetchMetadata(`${address}/metadata`)));
  const all: { study: number; of: Segmentation }[] = [];
  let unread = Math.max(0, series.length - seriesMax);
  answers.forEach((answer, at) => {
    const from = series[at];
    const instances = answer.status === 'fulfilled' && from !== undefined ? answer.value : null;
    if (instances === null) unread += 1;
    for (const instance of instances ?? []) {
      const of = segmentationOf(instance, from?.address ?? '');
      if (of === null) unread += 1;
      else all.push({ study: from?.study ?? 0, of });
    }
  });
  return { all, unread };
}

/** `isTime`: once the first image is on the screen, which nothing may delay. */
export function useSegmentations(studies: readonly StudyDetail[], isTime: boolean): Segmentations {
  const [read, setRead] = useState(nothing);
  const [isShown, setShown] = useState(true);
  const [looks, setLooks] = useState<ReadonlyMap<string, SegmentLook>>(new Map());
  const [frames] = useState(() => new SegmentFrames());
  const [times] = useAgain(read.unread > 0);
  useEffect(() => {
    if (!isTime) return;
    let stale = false;
    void readAll(studies).then((found) => {
      if (!stale) setRead(found);
    });
    return () => {
      stale = true;
    };
  }, [studies, isTime, times]);

  const look = useCallback((of: Segmentation, segment: number) => looks.get(keyOf(of, segment)) ?? usual, [looks]);
  const lookOf = useCallback(
    (of: Segmentation): LookOf => {
      const segments = new Map<number, Segment>(of.segments.map((one) => [one.number, one]));
      return (number) => {
        const segment = segments.get(number);
        const { isOn, opacity } = look(of, number);
        return segment === undefined || !isOn ? null : { colour: segment.colour, opacity };
      };
    },
    [look],
  );
  const change = useCallback((of: Segmentation, segment: number, by: Partial<SegmentLook>) => {
    setLooks((before) => new Map(before).set(keyOf(of, segment), { ...(before.get(keyOf(of, segment)) ?? usual), ...by }));
  }, []);
  const toggle = useCallback(() => setShown((before) => !before), []);
  return useMemo(() => ({ ...read, isShown, toggle, look, change, lookOf, frames }), [read, isShown, toggle, look, change, lookOf, frames]);
}
