/** Measurements that outlive the page: one person's own, in this browser, of the slides that were measured last. */
import { readStored, writeStored } from '../../ui/useStored';
import { pointsNeeded, shapeKinds, type Shape } from './shapes';

const slidesMax = 40;
const shapesMax = 200;

const listKey = (person: string) => `farsight.measured.${person}`;
const shapesKey = (person: string, slide: string) => `farsight.measure.${slide}.${person}`;

export function readShapes(person: string, slide: string): Shape[] {
  const kept = readStored<unknown>(shapesKey(person, slide), []);
  return Array.isArray(kept) ? kept.filter(isShape).map((shape, index) => ({ ...shape, id: index + 1 })) : [];
}

/** The slide that was measured longest ago is forgotten first. */
export function keepShapes(person: string, slide: string, shapes: readonly Shape[]): void {
  const before = readStored<string[]>(listKey(person), []).filter((one) => one !== slide);
  const slides = shapes.length === 0 ? before : [slide, ...before];
  if (shapes.length === 0) localStorage.removeItem(shapesKey(person, slide));
  else writeStored(shapesKey(person, slide), shapes.slice(-shapesMax));
  for (const old of slides.slice(slidesMax)) localStorage.removeItem(shapesKey(person, old));
  writeStored(listKey(person), slides.slice(0, slidesMax));
}

/** What another version of the page, or another hand, has left there is not drawn. */
function isShape(one: unknown): one is Shape {
  const { kind, points } = (one ?? {}) as Partial<Shape>;
  if (kind === undefined || !shapeKinds.includes(kind) || !Array.isArray(points)) return false;
  const isWhole = kind === 'area' ? points.length >= 3 : points.length === pointsNeeded[kind];
  return isWhole && points.every((point) => Number.isFinite(point?.x) && Number.isFinite(point?.y));
}
