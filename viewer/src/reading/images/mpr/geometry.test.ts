import { expect, test } from 'vitest';
import { volumeGeometry } from './geometry';
import type { Plane, Vector } from '../linking';

const slice = (z: number, normal: Vector = [0, 0, 1], frameOfReference = 'A'): Plane => ({ position: [0, 0, z], normal, frameOfReference });
const stack = (places: number[]) => places.map((z) => slice(z));
const even = Array.from({ length: 20 }, (_, index) => index * 2.4);

test('evenly spaced parallel slices are a volume, whichever way they are ordered', () => {
  expect(volumeGeometry(stack(even))).toEqual({ step_mm: expect.closeTo(2.4, 6) as number });
  expect(volumeGeometry(stack([...even].reverse()))).toMatchObject({ step_mm: expect.closeTo(2.4, 6) as number });
});

test('positions rounded to a tenth of a millimetre are even', () => {
  expect(volumeGeometry(stack(even.map((z) => Math.round(z * 10) / 10)))).toHaveProperty('step_mm');
});

test.each([
  ['few', stack([0, 1, 2])],
  ['unknown', [...stack(even), null]],
  ['orientation', [...stack(even), slice(48, [0, 0.2, 0.98])]],
  ['frame', [...stack(even), slice(48, [0, 0, 1], 'B')]],
  ['spacing', stack([...even, 60])],
  ['spacing', stack([...even.slice(0, 9), ...even.slice(8)])],
])('%s is none', (why, planes) => expect(volumeGeometry(planes)).toBe(why));
