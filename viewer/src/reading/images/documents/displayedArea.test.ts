import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import type { Affine } from './affine';
import { displayedAreaOf, zoomFor } from './displayedArea';

const item = (first: number[], last: number[], more: Record<string, unknown> = {}): Instance =>
  Object.fromEntries(Object.entries({ '00700052': first, '00700053': last, ...more }).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));

test('corners name pixels that are shown, whichever of them is the lesser', () => {
  const edges = { left: 10, top: 5, right: 60, bottom: 30, magnification: null, isTrueSize: false };
  expect(displayedAreaOf(item([11, 6], [60, 30], { '00700100': 'SCALE TO FIT' }), 100, 50)).toEqual(edges);
  expect(displayedAreaOf(item([60, 30], [11, 6]), 100, 50)).toEqual(edges);
  expect(displayedAreaOf(item([-9, 0], [110, 51]), 100, 50)).toMatchObject({ left: -10, top: -1, right: 110, bottom: 51 });
  expect(displayedAreaOf(item([1], [2, 3]), 100, 50)).toBeNull();
});

test('modes', () => {
  const of = (mode: string) => displayedAreaOf(item([1, 1], [100, 50], { '00700100': mode, '00700103': 2.5 }), 100, 50);
  expect(of('MAGNIFY')).toMatchObject({ magnification: 2.5, isTrueSize: false });
  expect(of('TRUE SIZE')).toMatchObject({ magnification: null, isTrueSize: true });
});

test('an area fills the screen, turned as the image is', () => {
  const area = { left: 10, top: 5, right: 60, bottom: 30, magnification: null, isTrueSize: false };
  const upright: Affine = [2, 0, 0, 2, 7, 9];
  const quarter: Affine = [0, 2, -2, 0, 7, 9];
  // 100 × 50 on the screen now, 50 × 100 when turned.
  expect(zoomFor(area, upright, [400, 400], 1)).toBe(4);
  expect(zoomFor(area, upright, [400, 100], 1)).toBe(2);
  expect(zoomFor(area, quarter, [100, 400], 1)).toBe(2);
  expect(zoomFor({ ...area, magnification: 3 }, quarter, [100, 400], 1)).toBe(1.5);
  expect(zoomFor({ ...area, magnification: 3 }, upright, [100, 400], 2)).toBe(0.75);
});
