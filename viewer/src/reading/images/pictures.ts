/** Which radiograph is of what from which side, and where an ultrasound's pictures begin: only the images themselves say so. */
import { useEffect, useState } from 'react';
import type { StudyDetail } from '../../api/types';
import { text, type Instance } from './dicomJson';
import { imagesOf, priorOf, readable, type Picture } from './hanging';
import type { Stack, Stacks } from './stack';

const viewPosition = '00185101';
const viewCodeSequence = '00540220';
/** SNOMED CT and SRT codes of cranio-caudal and medio-lateral oblique (PS3.16 CID 4014). */
const codes: Readonly<Record<string, 'CC' | 'MLO'>> = { 'R-10242': 'CC', '399162004': 'CC', 'R-10226': 'MLO', '399368009': 'MLO' };
/** View Position (PS3.3 §C.8.7.1.1, §C.8.11.4). */
const positions: Readonly<Record<string, Picture['view']>> = { PA: 'frontal', AP: 'frontal', LL: 'lateral', RL: 'lateral', LAT: 'lateral', LATERAL: 'lateral', LLD: null, RLD: null };
const frontalWords = /正位|正侧|前后位|后前位|\bPA\b|\bAP\b|FRONTAL/i;
const lateralWords = /侧位|\bLAT|LATERAL/i;

export function mammogramOf(image: Instance): { side: 'L' | 'R'; view: 'CC' | 'MLO' } | null {
  const side = text(image, '00200062');
  const code = image[viewCodeSequence]?.Value?.[0] as Instance | undefined;
  const named = text(image, viewPosition).toUpperCase();
  const view = named === 'CC' || named === 'MLO' ? named : code === undefined ? undefined : codes[text(code, '00080100')];
  return (side === 'L' || side === 'R') && view !== undefined ? { side, view } : null;
}

/** From the front or from the side, by the image's own word, else by its series' description where that names one of them. */
export function radiographViewOf(image: Instance): 'frontal' | 'lateral' | null {
  const named = positions[text(image, viewPosition).toUpperCase()];
  if (named === 'frontal' || named === 'lateral') return named;
  const description = text(image, '0008103E');
  const [front, side] = [frontalWords.test(description), lateralWords.test(description)];
  return front === side ? null : front ? 'frontal' : 'lateral';
}

function pictureOf(image: Instance): Pick<Picture, 'side' | 'view'> | null {
  const modality = text(image, '00080060');
  if (modality === 'MG') return mammogramOf(image);
  return { side: null, view: modality === 'US' ? null : radiographViewOf(image) };
}

function inStack(stack: Stack, study: number): Picture[] {
  const seen = new Set<string>();
  return stack.imageIds.flatMap((imageId, index) => {
    const sop = stack.sopByImageId.get(imageId) ?? '';
    if (seen.has(sop)) return [];
    seen.add(sop);
    const image = stack.instanceByImageId.get(imageId) ?? {};
    const found = pictureOf(image);
    return found === null ? [] : [{ study, seriesUid: stack.seriesUid, index, modality: text(image, '00080060'), ...found }];
  });
}

const noPictures: readonly Picture[] = [];
const pictured: readonly string[] = ['MG', 'CR', 'DX', 'US'];
/** A screening has four series; more than this is another kind of study. */
const seriesMax = 12;

/** Of the current study and of the one that it is compared with, where these are of pictures that stand for themselves. */
export function usePictures(studies: readonly StudyDetail[], stacks: Stacks): readonly Picture[] {
  const [found, setFound] = useState<{ of: readonly StudyDetail[]; pictures: readonly Picture[] }>({ of: [], pictures: noPictures });
  useEffect(() => {
    const [current] = studies;
    const modality = current === undefined ? undefined : readable(current)[0]?.modality;
    if (modality === undefined || !pictured.includes(modality)) return;
    const prior = modality === 'US' ? 0 : priorOf(studies);
    const wanted = [...new Set([0, prior])].flatMap((at) => {
      const study = studies[at];
      return study === undefined ? [] : imagesOf(study).filter((one) => one.modality === modality).map((series) => ({ at, study, series }));
    });
    if (wanted.length > 2 * seriesMax) return;
    let stale = false;
    Promise.all(wanted.map(async ({ at, study, series }) => inStack(await stacks.load(study.organisation.id, study.study_instance_uid, series.series_instance_uid), at)))
      .then((pictures) => {
        if (!stale) setFound({ of: studies, pictures: pictures.flat() });
      })
      // The viewport that shows the series says what is wrong with it.
      .catch(() => undefined);
    return () => {
      stale = true;
    };
  }, [studies, stacks]);
  return found.of === studies ? found.pictures : noPictures;
}
