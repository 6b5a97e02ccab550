/** Which mammogram is which breast from which side: only its own image says so. */
import { useEffect, useState } from 'react';
import type { StudyDetail } from '../../api/types';
import { text, type Instance } from './dicomJson';
import { imagesOf, type Mammogram } from './hanging';
import type { Stack, Stacks } from './stack';

const viewPosition = '00185101';
const viewCodeSequence = '00540220';
/** SNOMED CT and SRT codes of cranio-caudal and medio-lateral oblique (PS3.16 CID 4014). */
const codes: Readonly<Record<string, Mammogram['view']>> = { 'R-10242': 'CC', '399162004': 'CC', 'R-10226': 'MLO', '399368009': 'MLO' };

export function mammogramOf(image: Instance): Pick<Mammogram, 'side' | 'view'> | null {
  const side = text(image, '00200062');
  const code = image[viewCodeSequence]?.Value?.[0] as Instance | undefined;
  const named = text(image, viewPosition).toUpperCase();
  const view = named === 'CC' || named === 'MLO' ? named : code === undefined ? undefined : codes[text(code, '00080100')];
  return (side === 'L' || side === 'R') && view !== undefined ? { side, view } : null;
}

function inStack(stack: Stack): Mammogram[] {
  return stack.imageIds.flatMap((imageId, index) => {
    const found = mammogramOf(stack.instanceByImageId.get(imageId) ?? {});
    return found === null ? [] : [{ seriesUid: stack.seriesUid, index, ...found }];
  });
}

const noMammograms: readonly Mammogram[] = [];
/** A screening has four series; more than this is another kind of study. */
const seriesMax = 12;

export function useMammograms(study: StudyDetail | undefined, stacks: Stacks): readonly Mammogram[] {
  const [found, setFound] = useState<readonly Mammogram[]>(noMammograms);
  useEffect(() => {
    const series = study === undefined ? [] : imagesOf(study);
    if (study === undefined || series[0]?.modality !== 'MG' || series.length > seriesMax) return;
    let stale = false;
    Promise.all(series.map((one) => stacks.load(study.organisation.id, study.study_instance_uid, one.series_instance_uid)))
      .then((loaded) => {
        if (!stale) setFound(loaded.flatMap(inStack));
      })
      // The viewport that shows the series says what is wrong with it.
      .catch(() => undefined);
    return () => {
      stale = true;
    };
  }, [study, stacks]);
  return found;
}
