/** Measurements that outlive the page: one person's own, in this browser, of the slides that were measured last. */
import { readStored, writeStored } from '../../ui/useStored';
import type { Point } from '../stage/geometry';
import { pointsNeeded, shapeKinds, type Shape } from './shapes';

const slidesMax = 40;
const shapesMax = 200;

const listKey = (person: string) => `farsight.measured.${person}`;
const shapesKey = (person: string, slide: string) => `farsight.measure.${slide}.${person}`;

/** What is kept, and how many pixels level 0 was wide then. */
interface Kept {
  width: number;
  shapes: unknown[];
}

/** In pixels of level 0, which is so many wide now: a larger level may have arrived since. */
export function readShapes(person: string, slide: string, width: number): Shape[] {
  const kept = readStored<unknown>(shapesKey(person, slide), null);
  if (!isKept(kept)) return [];
  const times = width / kept.width;
  const scaled = ({ x, y }: Point): Point => ({ x: x * times, y: y * times });
  return kept.shapes.filter(isShape).map(({ kind, points }, index) => ({ id: index + 1, kind, points: points.map(scaled) }));
}

/** The slide that was measured longest ago is forgotten first. */
export function keepShapes(person: string, slide: string, width: number, shapes: readonly Shape[]): void {
  const before = readStored<string[]>(listKey(person), []).filter((one) => one !== slide);
  const slides = shapes.length === 0 ? before : [slide, ...before];
  if (shapes.length === 0) localStorage.removeItem(shapesKey(person, slide));
  else writeStored(shapesKey(person, slide), { width, shapes: shapes.slice(-shapesMax) } satisfies Kept);
  for (const old of slides.slice(slidesMax)) localStorage.removeItem(shapesKey(person, old));
  writeStored(listKey(person), slides.slice(0, slidesMax));
}

function isKept(one: unknown): one is Kept {
  const { width, shapes } = (one ?? {}) as Partial<Kept>;
  return typeof width === 'number' && width > 0 && Array.isArray(shapes);
}

/** What another version of the page, or another hand, has left there is not drawn. */
function isShape(one: unknown): one is Shape {
  const { kind, points } = (one ?? {}) as Partial<Shape>;
  if (kind === undefined || !shapeKinds.includes(kind) || !Array.isArray(points)) return false;
  const isWhole = kind === 'area' ? points.length >= 3 : points.length === pointsNeeded[kind];
  return isWhole && points.every((point) => Number.isFinite(point?.x) && Number.isFinite(point?.y));
}
