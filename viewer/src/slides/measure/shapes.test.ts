import { expect, test } from 'vitest';
import { isEmpty, measure, mitosisRadii_px } from './shapes';

const at = (...points: [number, number][]) => points.map(([x, y]) => ({ x, y }));

test('a distance follows pixels that are not square, and is in pixels where their size is unknown', () => {
  const line = { kind: 'distance' as const, points: at([0, 0], [30, 80]) };
  expect(measure(line, { x: 1, y: 0.5 })).toEqual({ unit: 'um', value: 50 });
  expect(measure({ ...line, points: at([0, 0], [3, 4]) }, null)).toEqual({ unit: 'px', value: 5 });
});

test('an angle is the smaller one, seen in true proportions', () => {
  const corner = { kind: 'angle' as const, points: at([10, 0], [0, 0], [0, 10]) };
  expect(measure(corner, null)).toEqual({ unit: 'deg', value: 90 });
  const flat = measure({ kind: 'angle', points: at([10, 0], [0, 0], [10, 10]) }, { x: 1, y: 2 });
  expect(flat?.value).toBeCloseTo(63.435, 3);
  expect(measure({ kind: 'angle', points: at([-10, -1], [0, 0], [-10, 1]) }, null)?.value).toBeCloseTo(11.42, 2);
});

test('an area is the same whichever way round it was drawn', () => {
  const square = at([0, 0], [10, 0], [10, 10], [0, 10]);
  const expected = { unit: 'um2', value: 25, around: { unit: 'um', value: 20 } };
  expect(measure({ kind: 'area', points: square }, { x: 0.5, y: 0.5 })).toEqual(expected);
  expect(measure({ kind: 'area', points: [...square].reverse() }, { x: 0.5, y: 0.5 })).toEqual(expected);
  expect(measure({ kind: 'area', points: square.slice(0, 2) }, null)).toBeNull();
});

test('the mitosis circle encloses 1 mm²', () => {
  const { x, y } = mitosisRadii_px({ x: 0.25, y: 0.5 });
  expect(Math.PI * (x * 0.25) * (y * 0.5)).toBeCloseTo(1_000_000, 3);
  expect(x).toBeCloseTo(2256.76, 2);
});

test('a click is no distance', () => {
  expect(isEmpty({ kind: 'distance', points: at([0, 0], [10, 0]) }, 0.1)).toBe(true);
  expect(isEmpty({ kind: 'distance', points: at([0, 0], [100, 0]) }, 0.1)).toBe(false);
});
