/** Grayscale Softcopy Presentation States (PS3.3 §A.33.1): how whoever made one wanted an image to be seen. */
import { items, number, numbers, text, type Instance } from '../dicomJson';
import { ellipse } from '../keyFrame';
import { activatedBy, type Activated } from '../overlayPlanes/plane';
import { isTable, modalityTableOf, presentationTableOf, voiIn, voiTableOf, type Table, type Voi } from '../tables';
import { displayedAreaOf, type DisplayedArea } from './displayedArea';
import { shuttersOf, type Shutters } from './shutters';

export interface Graphic {
  /** Column and row in pixels, (0.5, 0.5) in the middle of the first. */
  points: [number, number][];
  isClosed: boolean;
  kind: 'line' | 'circle' | 'point' | 'text';
  text: string;
}

export interface Presentation {
  label: string;
  voi: Voi | null;
  /** Presentation LUT, after the window or the VOI LUT. */
  presentation: Table | null;
  /** Modality LUT, which counts instead of the image's own. */
  modality: Table | null;
  /** Clockwise, degrees; applied before the flip. */
  rotation: number;
  flipHorizontal: boolean;
  invert: boolean;
  /** `null`: all of the image, as large as there is room. */
  area: DisplayedArea | null;
  shutters: Shutters;
  overlays: Activated;
  graphics: Graphic[];
  /** Some of what was drawn or written is of a kind, or in units, that is not shown. */
  lacksGraphics: boolean;
  /** One of its tables of greys is damaged. */
  lacksLut: boolean;
  /** It colours, which is not applied. */
  lacksColour: boolean;
}

const graphicsMax = 500;
const pointsMax = 20_000;

/** A frame of an image, as a presentation state sees it. */
export interface Target {
  sop: string;
  /** Counted from 1. */
  frame: number;
  columns: number;
  rows: number;
}

/** Whether a reference names the frame; without Referenced Frame Number it names all of them. */
function isTo(reference: Instance, { sop, frame }: Target): boolean {
  const frames = numbers(reference, '00081160');
  return text(reference, '00081155') === sop && (frames.length === 0 || frames.includes(frame));
}

/** Whether an item's references (0008,1140) include the frame; without references it is meant for all. */
function isAbout(item: Instance, target: Target): boolean {
  const references = items(item, '00081140');
  return references.length === 0 || references.some((one) => isTo(one, target));
}

function pairs(data: readonly number[]): [number, number][] {
  return Array.from({ length: Math.floor(data.length / 2) }, (_, at) => [data[at * 2] ?? 0, data[at * 2 + 1] ?? 0]);
}

type Point = [number, number];

/** Points of a display, (0, 0) its top left and (1, 1) its bottom right, in pixels of the image (PS3.3 §C.10.5.1.2). */
function fromDisplay({ left, top, right, bottom }: Pick<DisplayedArea, 'left' | 'top' | 'right' | 'bottom'>, rotation: number, flipped: boolean): (point: Point) => Point {
  return ([across, v]) => {
    const u = flipped ? 1 - across : across;
    const [x, y] = { 0: [u, v], 90: [v, 1 - u], 180: [1 - u, 1 - v], 270: [1 - v, u] }[rotation] as Point;
    return [left + x * (right - left), top + y * (bottom - top)];
  };
}

function rotationOf(state: Instance): number {
  return (((number(state, '00700042') ?? 0) % 360) + 360) % 360;
}

/** What brings points in these units (Graphic Annotation Units) into pixels; `null` for units that are not known. */
function unitsOf(state: Instance, target: Target): (units: string) => ((point: Point) => Point) | null {
  const all = { left: 0, top: 0, right: target.columns, bottom: target.rows };
  const rotation = rotationOf(state);
  return (units) => {
    if (units === 'PIXEL') return (point) => point;
    if (units !== 'DISPLAY' || rotation % 90 !== 0) return null;
    return fromDisplay(areaOf(state, target) ?? all, rotation, text(state, '00700041') === 'Y');
  };
}

function shapeOf(object: Instance, points: Point[]): Graphic | null {
  const graphic = { points, isClosed: false, kind: 'line', text: '' } as const;
  switch (text(object, '00700023')) {
    case 'POLYLINE':
    case 'INTERPOLATED':
      return { ...graphic, isClosed: text(object, '00700024') === 'Y' };
    case 'CIRCLE':
      return points.length < 2 ? null : { ...graphic, isClosed: true, kind: 'circle' };
    case 'ELLIPSE':
      return points.length < 4 ? null : { ...graphic, isClosed: true, points: ellipse(points).map(([x, y]) => [x, y]) };
    case 'POINT':
      return { ...graphic, kind: 'point' };
    default:
      return null;
  }
}

/** Words stand at their anchor, else where their box begins. */
function wordsOf(object: Instance, into: ReturnType<typeof unitsOf>): Graphic | null {
  for (const [place, units] of [
    ['00700014', '00700004'],
    ['00700010', '00700003'],
  ] as const) {
    const [at] = pairs(numbers(object, place));
    const map = into(text(object, units));
    if (at !== undefined && map !== null) return { points: [map(at)], isClosed: false, kind: 'text', text: text(object, '00700006').replaceAll('\r\n', '\n') };
  }
  return null;
}

function graphicsOf(state: Instance, target: Target): Pick<Presentation, 'graphics' | 'lacksGraphics'> {
  const graphics: Graphic[] = [];
  const into = unitsOf(state, target);
  let left = pointsMax;
  let lacksGraphics = false;
  const keep = (graphic: Graphic | null) => {
    if (graphic === null || left < graphic.points.length || graphics.length >= graphicsMax) {
      lacksGraphics = true;
      return;
    }
    left -= graphic.points.length;
    graphics.push(graphic);
  };
  for (const layer of items(state, '00700001').filter((item) => isAbout(item, target))) {
    for (const object of items(layer, '00700009')) {
      const map = into(text(object, '00700005'));
      keep(map === null ? null : shapeOf(object, pairs(numbers(object, '00700022')).map(map)));
    }
    for (const object of items(layer, '00700008')) keep(wordsOf(object, into));
    // Compound Graphic Sequence (PS3.3 §C.10.5.1.3): rulers, axes, crosshairs.
    if (items(layer, '00700209').length > 0) lacksGraphics = true;
  }
  return { graphics, lacksGraphics };
}

function greysOf(state: Instance, target: Target): Pick<Presentation, 'voi' | 'presentation' | 'modality' | 'lacksLut'> {
  const item = voiItem(state, target);
  const voi = item === undefined ? null : voiIn(item);
  const [modality, presentation] = [modalityTableOf(state), presentationTableOf(state)];
  const isDamaged = voi === null && item !== undefined && voiTableOf(item).isDamaged;
  return { voi, presentation: presentation.table, modality: modality.table, lacksLut: isDamaged || modality.isDamaged || presentation.isDamaged };
}

/** Pseudo-colour, blending and the like (PS3.3 §A.33.3 and after): all but the grey and the colour state. */
const colouring = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.11\.(3|4|8|9|10|11)$/;

function references(state: Instance): Instance[] {
  return items(state, '00081115').flatMap((series) => items(series, '00081140'));
}

const voiItem = (state: Instance, target: Target): Instance | undefined => items(state, '00283110').find((item) => isAbout(item, target));

function voiOf(state: Instance, target: Target): Voi | null {
  const item = voiItem(state, target);
  return item === undefined ? null : voiIn(item);
}

function areaOf(state: Instance, target: Target): DisplayedArea | null {
  const item = items(state, '0070005A').find((one) => isAbout(one, target));
  return item === undefined ? null : displayedAreaOf(item, target.columns, target.rows);
}

/** What a presentation state says of one frame; `null` when it is about others. */
export function presentationOf(state: Instance, target: Target): Presentation | null {
  if (!references(state).some((one) => isTo(one, target))) return null;
  return {
    label: text(state, '00700080'),
    ...greysOf(state, target),
    rotation: rotationOf(state),
    flipHorizontal: text(state, '00700041') === 'Y',
    invert: text(state, '20500020') === 'INVERSE',
    area: areaOf(state, target),
    shutters: shuttersOf(state),
    overlays: activatedBy(state),
    ...graphicsOf(state, target),
    lacksColour: colouring.test(text(state, '00080016')),
  };
}

/** The one that was made last first. */
function byAge(states: readonly Instance[]): Instance[] {
  const when = (state: Instance) => `${text(state, '00700082')}${text(state, '00700083')}`;
  return [...states].sort((a, b) => when(b).localeCompare(when(a)));
}

/** Of several about the same frame the one that was made last. */
export function latestOf(states: readonly Instance[], target: Target): Presentation | null {
  for (const state of byAge(states)) {
    const found = presentationOf(state, target);
    if (found !== null) return found;
  }
  return null;
}

/** Labels of the other states about a frame in which somebody has drawn or written: only the latest one's is shown. */
export function otherDrawings(states: readonly Instance[], target: Target): string[] {
  const [, ...older] = byAge(states).flatMap((state) => presentationOf(state, target) ?? []);
  return older.filter(({ graphics, lacksGraphics, overlays }) => graphics.length > 0 || lacksGraphics || overlays.own.length > 0).map(({ label }) => label);
}

/** Whether a state names no image in the way that is read here, so that it is shown on none. */
export const namesNoImage = (state: Instance): boolean => references(state).length === 0;

export interface StackPresentation {
  /** SOP Instance UID of the state. */
  uid: string;
  look: Presentation;
  /** Of each image id of the stack, where they differ. */
  vois: readonly (Voi | null)[] | null;
  /** Parts of different images are meant: none is brought into view. */
  lacksArea: boolean;
}

/** What is said of every image of a stack alike: only that can be applied to all of it. */
export function ofStack(states: readonly Instance[], targets: readonly Target[]): StackPresentation | null {
  const all = new Set(targets.map(({ sop }) => sop));
  const [first] = targets;
  const latest = byAge(states).find((state) => references(state).some((one) => all.has(text(one, '00081155'))));
  if (first === undefined || latest === undefined) return null;
  // Of some frames only (PS3.3 §10.3, Image SOP Instance Reference Macro): not of the whole.
  const whole = new Set(references(latest).flatMap((one) => ((one['00081160']?.Value ?? []).length > 0 ? [] : text(one, '00081155'))));
  if ([...all].some((sop) => !whole.has(sop))) return null;
  const look = presentationOf(latest, first);
  if (look === null) return null;
  const isSame = (is: (target: Target) => boolean) => targets.every(is);
  const [area, voi] = [JSON.stringify(areaOf(latest, first)), voiOf(latest, first)];
  const sameArea = isSame((target) => JSON.stringify(areaOf(latest, target)) === area);
  // A table is read once of each item: another one is another table.
  const sameVoi = isSame((target) => {
    const other = voiOf(latest, target);
    return other === voi || (!isTable(other) && !isTable(voi) && JSON.stringify(other) === JSON.stringify(voi));
  });
  const vois = sameVoi ? null : targets.map((target) => voiOf(latest, target));
  return { uid: text(latest, '00080018'), look: { ...look, area: sameArea ? look.area : null }, vois, lacksArea: !sameArea };
}
