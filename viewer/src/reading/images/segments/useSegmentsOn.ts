/** What of the segmentations is seen on an image. */
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Affine } from '../documents/affine';
import { sheetOf, type Sheet } from '../SheetLayer';
import type { Stack } from '../stack';
import { placingOn } from './onStack';
import { paint } from './pixels';
import type { Placed } from './placing';
import type { Wanted } from './segmentFrames';
import type { Segmentation } from './segmentation';
import type { Segmentations } from './useSegmentations';

/** Images on either side whose segments are fetched ahead. */
const ahead = 8;

export interface OnImage {
  /** One for each segmentation, and each part of it that lies in another way. */
  sheets: readonly Sheet[];
  /** Pixels of segmentations that are coloured. */
  pixels: number;
  /** Of the frames in memory when it was made. */
  version: number;
  /** `failed`: some of the segments on this image are not there. */
  state: 'none' | 'loading' | 'failed' | 'shown';
}

const empty: OnImage = { sheets: [], pixels: 0, version: 0, state: 'none' };

type Here = Placed & { of: Segmentation };

function visibleOn(all: Segmentations, stack: Stack, imageId: string): Here[] {
  return all.all.flatMap(({ of }) => {
    const lookOf = all.lookOf(of);
    const isSeen = (segment: number | null) => (segment === null ? of.segments.some((one) => lookOf(one.number) !== null) : lookOf(segment) !== null);
    return (placingOn(stack, of).byImage.get(imageId) ?? []).filter(({ frame }) => isSeen(frame.segment)).map((placed) => ({ of, ...placed }));
  });
}

function sheetsOf(all: Segmentations, here: readonly Here[]): Omit<OnImage, 'version'> {
  const pictures = new Map<string, { affine: Affine; data: ImageData }>();
  let [pixels, missing, failed] = [0, 0, 0];
  for (const { of, affine, frame } of here) {
    const bytes = all.frames.get(of, frame.number);
    if (bytes === undefined) missing += 1;
    if (bytes === 'failed') failed += 1;
    if (bytes === undefined || bytes === 'failed') continue;
    const key = `${of.uid} ${affine.join()}`;
    const picture = pictures.get(key) ?? { affine, data: new ImageData(of.columns, of.rows) };
    pictures.set(key, picture);
    pixels += paint(picture.data.data, of, frame.segment, bytes, all.lookOf(of));
  }
  const sheets = [...pictures.values()].map(({ affine, data }) => sheetOf(data, affine));
  return { sheets, pixels, state: failed > 0 ? 'failed' : missing > 0 ? 'loading' : here.length > 0 ? 'shown' : 'none' };
}

/** What there is to see on the image on the screen; fetches it, and its neighbours' after it. */
export function useSegmentsOn(all: Segmentations, stack: Stack | null, imageId: string | undefined): OnImage {
  const { frames } = all;
  const version = useSyncExternalStore(frames.subscribe, () => frames.version);
  const here = useMemo(() => (stack === null || imageId === undefined || !all.isShown ? [] : visibleOn(all, stack, imageId)), [all, stack, imageId]);
  useEffect(() => {
    if (stack === null || imageId === undefined || !all.isShown || all.all.length === 0) return;
    const index = stack.imageIds.indexOf(imageId);
    const wanted = (at: number): Wanted[] => {
      const id = stack.imageIds[at];
      return id === undefined ? [] : visibleOn(all, stack, id).map(({ of, frame }) => ({ of, frame: frame.number }));
    };
    const soon = Array.from({ length: ahead }, (_, step) => [...wanted(index + step + 1), ...wanted(index - step - 1)]).flat();
    all.frames.want(wanted(index), soon);
  }, [all, stack, imageId]);
  return useMemo(() => (here.length === 0 ? empty : { ...sheetsOf(all, here), version }), [all, here, version]);
}
