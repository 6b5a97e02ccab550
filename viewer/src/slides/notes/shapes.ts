/** Shapes of notes in pixels of level 0: how they come from what the pointer does, and how they are drawn. Pure geometry. */
import type { NoteKind, NotePoint } from '../../api/slideNotes';
import type { Point } from '../stage/geometry';

/** What a person draws with. What is drawn by hand becomes a polygon. */
export const noteTools = ['rectangle', 'ellipse', 'polygon', 'freehand', 'line', 'point'] as const;
export type NoteTool = (typeof noteTools)[number];

export const kindOf: Record<NoteTool, NoteKind> = {
  rectangle: 'rectangle',
  ellipse: 'ellipse',
  polygon: 'polygon',
  freehand: 'polygon',
  line: 'line',
  point: 'point',
};

/** Tools that are drawn in one drag; the others put points one by one. */
export const isDragged = (tool: NoteTool): boolean => tool === 'rectangle' || tool === 'ellipse' || tool === 'freehand';

/** The server takes as many. */
const pointsMax = 5_000;

/** Between the stage and the slide: what is square on a turned screen is square there. */
export interface Projection {
  toScreen: (point: Point) => Point;
  toSlide: (point: Point) => Point;
}

/** A hundredth of a pixel is what the server keeps. */
export function notePoint({ x, y }: Point): NotePoint {
  return [Math.round(x * 100) / 100, Math.round(y * 100) / 100];
}

const point = ([x, y]: NotePoint): Point => ({ x, y });

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** The rectangle, or the ellipse in it, between two corners, with its sides along those of the screen. */
export function boxed(kind: 'rectangle' | 'ellipse', from: Point, to: Point, { toScreen, toSlide }: Projection): NotePoint[] {
  const a = toScreen(from);
  const b = toScreen(to);
  const [left, right, top, bottom] = [Math.min(a.x, b.x), Math.max(a.x, b.x), Math.min(a.y, b.y), Math.max(a.y, b.y)];
  if (kind === 'rectangle') {
    const corners = [
      { x: left, y: top },
      { x: right, y: top },
      { x: right, y: bottom },
      { x: left, y: bottom },
    ];
    return corners.map((corner) => notePoint(toSlide(corner)));
  }
  const { x, y } = middle(a, b);
  return ellipseEnds(toSlide({ x: left, y }), toSlide({ x: right, y }), toSlide({ x, y: top }), toSlide({ x, y: bottom }));
}

/** The ends of the major axis come first. */
function ellipseEnds(a: Point, b: Point, c: Point, d: Point): NotePoint[] {
  const ends = distance(a, b) >= distance(c, d) ? [a, b, c, d] : [c, d, a, b];
  return ends.map(notePoint);
}

/** A line without the points that nobody would miss: none of them is further than `tolerance` from what is left. */
export function simplified(points: readonly Point[], tolerance: number): Point[] {
  if (points.length < 3) return [...points];
  const keep = new Set([0, points.length - 1]);
  const open: [number, number][] = [[0, points.length - 1]];
  for (let span = open.pop(); span !== undefined; span = open.pop()) {
    const [first, last] = span;
    const [start, end] = [points[first], points[last]];
    if (start === undefined || end === undefined) continue;
    let furthest = -1;
    let most = tolerance;
    for (let index = first + 1; index < last; index += 1) {
      const one = points[index];
      const off = one === undefined ? 0 : offLine(one, start, end);
      if (off > most) [furthest, most] = [index, off];
    }
    if (furthest === -1) continue;
    keep.add(furthest);
    open.push([first, furthest], [furthest, last]);
  }
  const left = points.filter((_, index) => keep.has(index));
  return left.length > pointsMax ? simplified(left, tolerance * 2) : left;
}

function offLine(at: Point, from: Point, to: Point): number {
  const length = distance(from, to);
  if (length === 0) return distance(at, from);
  const share = Math.max(0, Math.min(1, ((at.x - from.x) * (to.x - from.x) + (at.y - from.y) * (to.y - from.y)) / length ** 2));
  return distance(at, { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) });
}

/** SVG path data, in pixels of level 0. */
export function outline(kind: NoteKind, points: readonly NotePoint[]): string {
  const [a, b, c, d] = points.map(point);
  if (a === undefined) return '';
  if (kind === 'point') return `M${a.x} ${a.y}h0`;
  if (kind === 'ellipse' && b !== undefined && c !== undefined && d !== undefined) {
    const turn = (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI;
    const arc = `A${distance(a, b) / 2} ${distance(c, d) / 2} ${turn} 0 1`;
    return `M${a.x} ${a.y}${arc} ${b.x} ${b.y}${arc} ${a.x} ${a.y}Z`;
  }
  const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  return kind === 'line' ? path : `${path}Z`;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function bounds(points: readonly NotePoint[]): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** All of it, elsewhere. */
export function moved(points: readonly NotePoint[], way: Point): NotePoint[] {
  return points.map(([x, y]) => notePoint({ x: x + way.x, y: y + way.y }));
}

/** One of its points, elsewhere: a rectangle stays one, and an ellipse keeps its middle. */
export function reshaped(kind: NoteKind, points: readonly NotePoint[], index: number, to: Point): NotePoint[] {
  const all = points.map(point);
  const [a, b, c, d] = all;
  if (kind === 'rectangle' && all.length === 4) {
    const fixed = all[(index + 2) % 4];
    const next = all[(index + 1) % 4];
    if (fixed === undefined || next === undefined) return [...points];
    // Along and across the side from the fixed corner to the next one.
    const length = distance(fixed, next);
    if (length === 0) return [...points];
    const side = { x: (next.x - fixed.x) / length, y: (next.y - fixed.y) / length };
    const along = (to.x - fixed.x) * side.x + (to.y - fixed.y) * side.y;
    const foot = { x: fixed.x + side.x * along, y: fixed.y + side.y * along };
    const other = { x: fixed.x + to.x - foot.x, y: fixed.y + to.y - foot.y };
    const corners = new Map([
      [index, to],
      [(index + 1) % 4, foot],
      [(index + 2) % 4, fixed],
      [(index + 3) % 4, other],
    ]);
    return all.map((corner, one) => notePoint(corners.get(one) ?? corner));
  }
  if (kind === 'ellipse' && a !== undefined && b !== undefined && c !== undefined && d !== undefined) {
    const centre = middle(a, b);
    const end = all[index];
    if (end === undefined) return [...points];
    const length = distance(end, centre);
    const axis = { x: (end.x - centre.x) / length, y: (end.y - centre.y) / length };
    const reach = Math.max(1, Math.abs((to.x - centre.x) * axis.x + (to.y - centre.y) * axis.y));
    const ends: [Point, Point] = [
      { x: centre.x + axis.x * reach, y: centre.y + axis.y * reach },
      { x: centre.x - axis.x * reach, y: centre.y - axis.y * reach },
    ];
    return index < 2 ? ellipseEnds(...ends, c, d) : ellipseEnds(a, b, ...ends);
  }
  return points.map((one, place) => (place === index ? notePoint(to) : one));
}

/** Length of a line, area of a region; in pixels of level 0, or in micrometres where there is a scale. */
export function sizeOf(kind: NoteKind, points: readonly NotePoint[], mpp: { x: number; y: number } | null): number {
  const all = points.map(([x, y]) => ({ x: x * (mpp?.x ?? 1), y: y * (mpp?.y ?? 1) }));
  const [a, b, c, d] = all;
  switch (kind) {
    case 'point':
      return 0;
    case 'line':
      return all.slice(1).reduce((sum, one, index) => sum + distance(one, all[index] ?? one), 0);
    case 'ellipse':
      return a === undefined || b === undefined || c === undefined || d === undefined ? 0 : (Math.PI * Math.abs((b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x))) / 4;
    default:
      return Math.abs(
        all.reduce((sum, one, index) => {
          const next = all[(index + 1) % all.length] ?? one;
          return sum + one.x * next.y - next.x * one.y;
        }, 0) / 2,
      );
  }
}
