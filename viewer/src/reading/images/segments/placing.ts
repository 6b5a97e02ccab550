/**
 * Which frames of a segmentation lie over which images, and where on them. An image that a frame names (PS3.3 §C.7.6.16.2.6) is
 * taken at its word unless the places in the patient say otherwise; without names the place alone decides.
 */
import type { Affine } from '../documents/affine';
import type { Vector } from '../linking';
import type { PixelPlane, Reference, Segmentation, SegmentFrame } from './segmentation';

/** One image of a stack. */
export interface ImagePlace {
  imageId: string;
  sop: string;
  /** Counted from 1. */
  frame: number;
  rows: number;
  columns: number;
  frameOfReference: string;
  /** `null` when the image does not say how it lies. */
  plane: PixelPlane | null;
}

export interface Placed {
  frame: SegmentFrame;
  /** From the segmentation's pixels to the image's; the corner of the first one is 0, 0 in both. */
  affine: Affine;
}

/** Why nothing is shown: another frame of reference, other planes or another matrix, no word of where it belongs, other images. */
export type Refusal = 'frame' | 'geometry' | 'unplaced' | 'elsewhere';

export interface Placing {
  byImage: ReadonlyMap<string, readonly Placed[]>;
  /** Why frames that name images of this stack are not shown, or why none is. */
  refusal: Refusal | null;
  /** Frames that name images of this stack and are not shown. */
  left: number;
}

const parallel = 0.9999;
/** Scanners and programs round positions to a tenth of a millimetre. */
const tolerance_mm = 0.1;
const whole: Affine = [1, 0, 0, 1, 0, 0];

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

/** How far two planes are from each other; `null` when they are cut in other directions. */
function apart_mm(a: PixelPlane, b: PixelPlane): number | null {
  return Math.abs(dot(a.normal, b.normal)) < parallel ? null : Math.abs(dot(minus(a.position, b.position), b.normal));
}

/** Pixels of one plane in those of another that lies in the same place. */
export function between(from: PixelPlane, to: PixelPlane): Affine {
  const step = (direction: Vector, spacing: number): [number, number] => [
    (dot(direction, to.row) * spacing) / to.columnSpacing,
    (dot(direction, to.column) * spacing) / to.rowSpacing,
  ];
  const [a, b] = step(from.row, from.columnSpacing);
  const [c, d] = step(from.column, from.rowSpacing);
  const offset = minus(from.position, to.position);
  const [x, y] = [dot(offset, to.row) / to.columnSpacing, dot(offset, to.column) / to.rowSpacing];
  // Positions are those of the middles of the first pixels.
  return [a, b, c, d, x + 0.5 - (a + c) / 2, y + 0.5 - (b + d) / 2];
}

function isNamed({ sop, frames }: Reference, image: ImagePlace): boolean {
  return sop === image.sop && (frames.length === 0 || frames.includes(image.frame));
}

function isInFrameOf(of: Segmentation, { frameOfReference }: ImagePlace): boolean {
  return of.frameOfReference !== '' && of.frameOfReference === frameOfReference;
}

/** A frame that names the image. */
function placeNamed(of: Segmentation, frame: SegmentFrame, named: Reference, image: ImagePlace): Affine | Refusal {
  if (frame.plane === null || image.plane === null) {
    return named.keepsPlaces && of.rows === image.rows && of.columns === image.columns ? whole : 'geometry';
  }
  if (!isInFrameOf(of, image)) return 'frame';
  const apart = apart_mm(frame.plane, image.plane);
  return apart === null || apart > Math.max(tolerance_mm, image.plane.thickness_mm / 2) ? 'geometry' : between(frame.plane, image.plane);
}

/** Why a segmentation has nothing to show on a stack that it does not name. */
function refusalOf(of: Segmentation, images: readonly ImagePlace[]): Refusal {
  if (of.frames.every(({ plane, references }) => plane === null && references.length === 0)) return 'unplaced';
  const lie = images.filter(({ plane }) => plane !== null);
  if (of.frames.every(({ plane }) => plane === null) || lie.length === 0) return 'elsewhere';
  return lie.some((image) => isInFrameOf(of, image)) ? 'geometry' : 'frame';
}

/** Frames in the same place (of several segments, say), so that each place is compared once. */
function byPlace(frames: readonly SegmentFrame[]): { plane: PixelPlane; frames: SegmentFrame[] }[] {
  const found = new Map<string, { plane: PixelPlane; frames: SegmentFrame[] }>();
  for (const frame of frames) {
    if (frame.plane === null) continue;
    const { position, row, column } = frame.plane;
    const key = [...position, ...row, ...column].join();
    const has = found.get(key);
    if (has === undefined) found.set(key, { plane: frame.plane, frames: [frame] });
    else has.frames.push(frame);
  }
  return [...found.values()];
}

export function placeOn(of: Segmentation, images: readonly ImagePlace[]): Placing {
  const naming = new Map<string, { frame: SegmentFrame; named: Reference }[]>();
  for (const frame of of.frames) {
    for (const named of frame.references) {
      const has = naming.get(named.sop);
      if (has === undefined) naming.set(named.sop, [{ frame, named }]);
      else has.push({ frame, named });
    }
  }
  const places = byPlace(of.frames);
  const byImage = new Map<string, Placed[]>();
  const refused = new Map<number, Refusal>();
  const shown = new Set<number>();
  for (const image of images) {
    const found = new Map<SegmentFrame, Affine>();
    for (const { frame, named } of naming.get(image.sop) ?? []) {
      if (!isNamed(named, image)) continue;
      const where = placeNamed(of, frame, named, image);
      if (typeof where === 'string') refused.set(frame.number, where);
      else found.set(frame, where);
    }
    if (image.plane !== null && isInFrameOf(of, image)) {
      for (const { plane, frames } of places) {
        const apart = apart_mm(plane, image.plane);
        if (apart === null || apart > tolerance_mm) continue;
        const affine = between(plane, image.plane);
        for (const frame of frames) if (!found.has(frame)) found.set(frame, affine);
      }
    }
    if (found.size === 0) continue;
    byImage.set(image.imageId, [...found].map(([frame, affine]) => ({ frame, affine })).sort((a, b) => a.frame.number - b.frame.number));
    for (const frame of found.keys()) shown.add(frame.number);
  }
  const left = [...refused].filter(([frame]) => !shown.has(frame));
  const refusal = left[0]?.[1] ?? (byImage.size === 0 ? refusalOf(of, images) : null);
  return { byImage, refusal, left: left.length };
}
