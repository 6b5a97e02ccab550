import { expect, test } from 'vitest';
import type { NotePoint } from '../../api/slideNotes';
import { toScreen, toSlide, type FieldOfView } from '../stage/geometry';
import { bounds, boxed, moved, outline, reshaped, simplified, sizeOf, type Projection } from './shapes';

const stage = { width: 800, height: 600 };
const plain: FieldOfView = { x: 1000, y: 500, zoom: 0.5, rotation_deg: 0, mirrored: false };

function projection(view: FieldOfView): Projection {
  return { toScreen: (point) => toScreen(view, stage, point), toSlide: (point) => toSlide(view, stage, point) };
}

function sides(points: NotePoint[]): number[] {
  return points.map(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length] ?? [x, y];
    return Math.hypot(nextX - x, nextY - y);
  });
}

test('a rectangle on a turned and mirrored screen is a rectangle on the slide, of the size that was drawn', () => {
  for (const rotation_deg of [0, 30, 90, 217]) {
    for (const mirrored of [false, true]) {
      const way = projection({ ...plain, rotation_deg, mirrored });
      const corners = boxed('rectangle', way.toSlide({ x: 500, y: 400 }), way.toSlide({ x: 300, y: 300 }), way);
      const [width, height, again] = sides(corners);
      expect(width).toBeCloseTo(400, 1);
      expect(height).toBeCloseTo(200, 1);
      expect(again).toBeCloseTo(400, 1);
      expect(sizeOf('rectangle', corners, null)).toBeCloseTo(80_000, -2);
    }
  }
});

test('an ellipse begins with its longer axis', () => {
  const way = projection(plain);
  const tall = boxed('ellipse', way.toSlide({ x: 100, y: 100 }), way.toSlide({ x: 140, y: 300 }), way);
  expect(tall[0]?.[0]).toBe(tall[1]?.[0]);
  expect(sizeOf('ellipse', tall, null)).toBeCloseTo((Math.PI * 80 * 400) / 4, -1);
});

test('a line loses the points that nobody would miss', () => {
  const straight = Array.from({ length: 50 }, (_, x) => ({ x, y: 0 }));
  expect(simplified(straight, 1)).toEqual([straight[0], straight.at(-1)]);
  const bend = [...straight, ...Array.from({ length: 50 }, (_, y) => ({ x: 49, y: y + 1 }))];
  expect(simplified(bend, 1)).toEqual([straight[0], { x: 49, y: 0 }, { x: 49, y: 50 }]);
});

test('a corner that is dragged leaves a rectangle with the opposite corner where it was', () => {
  const turned: NotePoint[] = [
    [20, 0],
    [40, 20],
    [20, 40],
    [0, 20],
  ];
  const pulled = reshaped('rectangle', turned, 1, { x: 60, y: 20 });
  expect(pulled[3]).toEqual([0, 20]);
  const [a, b, c, d] = sides(pulled);
  expect(a).toBeCloseTo(c ?? 0, 1);
  expect(b).toBeCloseTo(d ?? 0, 1);
});

test('the end of an axis that is dragged leaves the other axis, and the longer one first', () => {
  const round: NotePoint[] = [
    [0, 50],
    [100, 50],
    [50, 20],
    [50, 80],
  ];
  expect(reshaped('ellipse', round, 3, { x: 70, y: 150 })).toEqual([
    [50, 150],
    [50, -50],
    [0, 50],
    [100, 50],
  ]);
});

test('sizes are in micrometres where pixels have a size', () => {
  const square: NotePoint[] = [
    [0, 0],
    [10, 0],
    [10, 10],
    [0, 10],
  ];
  expect(sizeOf('polygon', square, { x: 0.5, y: 0.25 })).toBeCloseTo(12.5);
  expect(sizeOf('line', square, null)).toBe(30);
  expect(bounds(moved(square, { x: 5, y: 6 }))).toEqual({ x: 5, y: 6, width: 10, height: 10 });
  expect(outline('polygon', square)).toBe('M0 0L10 0L10 10L0 10Z');
});
