import { expect, test } from 'vitest';
import { follow, nearest, offsetBetween, overlap, type Plane } from './linking';

function axial(from: number, step: number, count: number, frameOfReference: string): Plane[] {
  return Array.from({ length: count }, (_, index) => ({ position: [0, 0, from + index * step], normal: [0, 0, 1], frameOfReference }));
}

const coronal: Plane[] = [{ position: [0, 30, 0], normal: [0, 1, 0], frameOfReference: 'A' }];

test('the same patient position, whatever the spacing and the order of the slices', () => {
  const thin = axial(-100, 1, 200, 'A');
  const thick = axial(95, -5, 40, 'A');
  const leader = { planes: thin, index: 130 };
  expect(offsetBetween(leader, { planes: thick, index: 0 })).toBe(0);
  expect(follow(leader, thick, 0)).toBe(13);
  expect(along5(thick, 13)).toBe(30);
});

function along5(planes: Plane[], index: number): number {
  return planes[index]?.position[2] ?? NaN;
}

test('between two examinations the distance stays what the reader has set', () => {
  const now = axial(0, 2, 50, 'A');
  const before = axial(700, 2, 50, 'B');
  const offset = offsetBetween({ planes: now, index: 10 }, { planes: before, index: 15 });
  expect(offset).toBe(710);
  expect(follow({ planes: now, index: 20 }, before, 710)).toBe(25);
});

test('past the end of the other stack its last slice stays', () => {
  expect(follow({ planes: axial(0, 1, 100, 'A'), index: 99 }, axial(0, 1, 50, 'A'), 0)).toBe(49);
});

test('another plane does not follow', () => {
  expect(offsetBetween({ planes: axial(0, 1, 10, 'A'), index: 0 }, { planes: coronal, index: 0 })).toBeNull();
  expect(nearest(coronal, 5, [0, 0, 1])).toBeNull();
  expect(nearest([null, null], 5, [0, 0, 1])).toBeNull();
});

test('a slice turned by a few degrees still follows', () => {
  const tilted: Plane[] = [{ position: [0, 0, 4], normal: [0, 0.1, 0.995], frameOfReference: 'A' }];
  expect(nearest(tilted, 5, [0, 0, 1])).toBe(0);
});

test('stacks overlap where they share a part of the patient', () => {
  expect(overlap(axial(0, 1, 10, 'A'), axial(5, 1, 10, 'B'))).toBe(true);
  expect(overlap(axial(0, 1, 10, 'A'), axial(700, 1, 10, 'B'))).toBe(false);
});
