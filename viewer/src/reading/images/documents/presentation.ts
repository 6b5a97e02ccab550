/** Grayscale Softcopy Presentation States (PS3.3 §A.33.1): how whoever made one wanted an image to be seen. */
import { items, number, numbers, text, type Instance } from '../dicomJson';
import type { Window } from '../presets';
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
  window: Window | null;
  /** Clockwise, degrees; applied before the flip. */
  rotation: number;
  flipHorizontal: boolean;
  invert: boolean;
  /** `null`: all of the image, as large as there is room. */
  area: DisplayedArea | null;
  shutters: Shutters;
  graphics: Graphic[];
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

function graphicsOf(state: Instance, target: Target): Graphic[] {
  const found: Graphic[] = [];
  let left = pointsMax;
  for (const layer of items(state, '00700001').filter((item) => isAbout(item, target))) {
    for (const object of items(layer, '00700009')) {
      // Relative to the displayed area is not supported, so it is not shown in a wrong place.
      if (text(object, '00700005') !== 'PIXEL') continue;
      const type = text(object, '00700023');
      const points = pairs(numbers(object, '00700022')).slice(0, left);
      left -= points.length;
      if (type === 'POLYLINE' || type === 'INTERPOLATED') found.push({ points, isClosed: text(object, '00700024') === 'Y', kind: 'line', text: '' });
      else if (type === 'CIRCLE') found.push({ points, isClosed: true, kind: 'circle', text: '' });
      else if (type === 'POINT') found.push({ points, isClosed: false, kind: 'point', text: '' });
    }
    for (const object of items(layer, '00700008')) {
      const anchor = numbers(object, '00700014');
      const corner = numbers(object, '00700010');
      const usesAnchor = anchor.length === 2 && text(object, '00700004') === 'PIXEL';
      const usesCorner = corner.length === 2 && text(object, '00700003') === 'PIXEL';
      const at = usesAnchor ? anchor : usesCorner ? corner : null;
      if (at !== null) found.push({ points: pairs(at), isClosed: false, kind: 'text', text: text(object, '00700006').replaceAll('\r\n', '\n') });
    }
  }
  return found.slice(0, graphicsMax);
}

function references(state: Instance): Instance[] {
  return items(state, '00081115').flatMap((series) => items(series, '00081140'));
}

function windowOf(state: Instance, target: Target): Window | null {
  const voi = items(state, '00283110').find((item) => isAbout(item, target));
  const [center, width] = [voi === undefined ? null : number(voi, '00281050'), voi === undefined ? null : number(voi, '00281051')];
  return center !== null && width !== null && width > 0 ? { center, width } : null;
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
    window: windowOf(state, target),
    rotation: (((number(state, '00700042') ?? 0) % 360) + 360) % 360,
    flipHorizontal: text(state, '00700041') === 'Y',
    invert: text(state, '20500020') === 'INVERSE',
    area: areaOf(state, target),
    shutters: shuttersOf(state),
    graphics: graphicsOf(state, target),
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

export interface StackPresentation {
  /** SOP Instance UID of the state. */
  uid: string;
  look: Presentation;
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
  const isSame = (of: (state: Instance, target: Target) => unknown) => {
    const said = JSON.stringify(of(latest, first));
    return targets.every((target) => JSON.stringify(of(latest, target)) === said);
  };
  const sameArea = isSame(areaOf);
  const same = { window: isSame(windowOf) ? look.window : null, area: sameArea ? look.area : null };
  return { uid: text(latest, '00080018'), look: { ...look, ...same }, lacksArea: !sameArea };
}
