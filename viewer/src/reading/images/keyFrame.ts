/** The image on the screen as a key image of a report: which frame, in which window, which way round, and what is drawn on it. */
import type { Measurement } from '../../api/measurements';
import type { FrameKeyImage, Mark } from '../../api/types';
import { newUuid } from '../../api/uid';
import { number, tags, text, type Instance } from './dicomJson';
import { isLowWhite } from './tables';
import type { Affine } from './documents/affine';
import { frameOf } from './measured';
import { indexOf } from './seenImage';
import type { Shown } from './Viewport';

export interface Turn {
  rotation: 0 | 90 | 180 | 270;
  /** Left and right are exchanged, after the turn. */
  mirrored: boolean;
}

type Point = readonly [number, number];

const turns = [0, 90, 180, 270] as const;

/** How an image lies on the screen. */
export function turnOf([a, b, c, d]: Affine): Turn {
  const mirrored = a * d - b * c < 0;
  const quarters = Math.round(Math.atan2(b, mirrored ? -a : a) / (Math.PI / 2));
  return { rotation: turns[(quarters + 4) % 4] ?? 0, mirrored };
}

/** A turn by quarters, as presentation states and reports have it. */
export function turnIn(rotation_deg: number, mirrored: boolean): Turn {
  return { rotation: turns[((Math.round(rotation_deg / 90) % 4) + 4) % 4] ?? 0, mirrored };
}

/** Pixels of the longer side: as many as the image has, within what looks well on paper. */
const side = { least: 512, most: 1024, any: 64 };

export function pictureSize(columns: number, rows: number, { rotation }: Turn): [number, number] {
  const [width, height] = rotation % 180 === 0 ? [columns, rows] : [rows, columns];
  const longer = Math.max(width, height);
  const scale = Math.min(Math.max(longer, side.least), side.most) / longer;
  const fit = (length: number) => Math.max(side.any, Math.round(length * scale));
  return [fit(width), fit(height)];
}

/** Where a point of the image (its first pixel's corner is 0, 0) lies on a picture of all of it. */
export function toPicture([x, y]: Point, [columns, rows]: Point, { rotation, mirrored }: Turn, [width, height]: Point): [number, number] {
  const [u, v] = [x / columns, y / rows];
  const [across, down] = { 0: [u, v], 90: [1 - v, u], 180: [1 - u, 1 - v], 270: [v, 1 - u] }[rotation] as [number, number];
  return [Math.round((mirrored ? 1 - across : across) * width), Math.round(down * height)];
}

const ellipseSides = 48;

/** From the ends of both axes, in whichever order. */
export function ellipse(points: readonly Point[]): Point[] {
  const [a, b, c, d] = points;
  if (a === undefined || b === undefined || c === undefined || d === undefined) return [];
  const middle: Point = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  return Array.from({ length: ellipseSides }, (_, n) => {
    const [cos, sin] = [Math.cos((2 * Math.PI * n) / ellipseSides), Math.sin((2 * Math.PI * n) / ellipseSides)];
    const along = (axis: 0 | 1) => middle[axis] + (b[axis] - middle[axis]) * cos + (d[axis] - middle[axis]) * sin;
    return [along(0), along(1)] as const;
  });
}

/** A measurement in what a report can draw; its words stand at the last part. */
export function partsOf({ kind, points }: Pick<Measurement, 'kind' | 'points'>): { kind: Mark['kind']; points: readonly Point[] }[] {
  switch (kind) {
    case 'length':
    case 'ratio':
    case 'angle':
      return [{ kind: 'line', points }];
    case 'cobb':
      return [
        { kind: 'line', points: points.slice(0, 2) },
        { kind: 'line', points: points.slice(2, 4) },
      ];
    case 'ellipse':
      return [{ kind: 'outline', points: ellipse(points) }];
    case 'rectangle':
      return [{ kind: 'outline', points }];
    case 'probe':
      return [{ kind: 'point', points }];
    case 'arrow':
      // Measured from its tip; drawn towards it.
      return [{ kind: 'arrow', points: [...points].reverse() }];
  }
}

const marksMax = 12;
const labelMax = 40;

/** What is drawn on an image: its measurements with the words beside them. */
export type Drawn = Pick<Measurement, 'kind' | 'points'> & { lines: readonly string[] };

export function marksOf(drawn: readonly Drawn[], place: (point: Point) => [number, number]): Mark[] {
  const marks = drawn.flatMap((one) => {
    const parts = partsOf(one);
    const label = one.lines.join(' ').slice(0, labelMax);
    return parts.map((part, at): Mark => ({ kind: part.kind, points: part.points.map(place), label: at === parts.length - 1 ? label : '' }));
  });
  return marks.slice(0, marksMax);
}

export const isGrey = (image: Instance): boolean => text(image, '00280004').startsWith('MONOCHROME');

/** `null` when the image says too little of itself. */
export function keyFrameOf({ view, state, stack }: Shown, drawn: readonly Drawn[]): FrameKeyImage | null {
  const [at, image] = [frameOf(state.imageId), stack.instanceByImageId.get(state.imageId)];
  const [columns, rows] = [number(image ?? {}, tags.columns), number(image ?? {}, tags.rows)];
  if (at === null || image === undefined || columns === null || rows === null) return null;
  const turn = turnOf(state.affine);
  const size = pictureSize(columns, rows, turn);
  // Without a window the node shows the image as it opens; of another table a picture has only the range.
  const seen = state.table === null ? state.window : state.table.isOwn ? null : view.window();
  const window = isGrey(image) && seen !== null ? { window_centre: String(seen.center), window_width: String(Math.max(1, seen.width)) } : {};
  return {
    id: newUuid(),
    name: '',
    study: at.study,
    series: at.series,
    instance: at.instance,
    frame: at.frame,
    ...window,
    inverted: isGrey(image) && view.isInverted() !== isLowWhite(image),
    rotation_deg: `${turn.rotation}`,
    mirrored: turn.mirrored,
    picture_width: size[0],
    picture_height: size[1],
    marks: marksOf(drawn, (point) => toPicture(point, [columns, rows], turn, size)),
  };
}

/** Shows an image as a key image has it. */
export async function showAs(shown: Shown, image: FrameKeyImage): Promise<void> {
  const index = indexOf(shown.stack, image.instance, image.frame);
  const instance = shown.stack.instanceByImageId.get(shown.stack.imageIds[index] ?? '');
  if (index < 0 || instance === undefined) return;
  const window = image.window_centre === undefined || image.window_width === undefined ? null : { center: Number(image.window_centre), width: Number(image.window_width) };
  const inverted = image.inverted !== isLowWhite(instance);
  await shown.view.present(index, { window, turn: { rotation: Number(image.rotation_deg) as Turn['rotation'], mirrored: image.mirrored }, inverted: isGrey(instance) ? inverted : null });
}
