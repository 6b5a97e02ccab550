import { expect, test } from 'vitest';
import { paint, visitBits, visitLabels, visitShares, type LookOf } from './pixels';

const red = [255, 0, 0] as const;
const blue = [0, 0, 255] as const;
const nine = { rows: 3, columns: 3, coding: 'bits', bits: 1, most: 255 } as const;
const half: LookOf = (segment) => (segment === 1 ? { colour: red, opacity: 0.5 } : segment === 2 ? { colour: blue, opacity: 0.5 } : null);

function visited(visit: (take: (at: number, value: number) => void) => void): [number, number][] {
  const found: [number, number][] = [];
  visit((at, value) => found.push([at, value]));
  return found;
}

function painted(of: Parameters<typeof paint>[1], ...frames: [number | null, number[]][]) {
  const rgba = new Uint8ClampedArray(of.rows * of.columns * 4);
  const counts = frames.map(([segment, bytes]) => paint(rgba, of, segment, Uint8Array.from(bytes), half));
  return { counts, at: (pixel: number) => [...rgba.subarray(pixel * 4, pixel * 4 + 4)] };
}

test('the first pixel is the lowest bit, and what follows the last pixel is none', () => {
  expect(visited((take) => visitBits(Uint8Array.of(0b1000_0001, 0b1111_1111), 9, take))).toEqual([[0, 1], [7, 1], [8, 1]]);
  expect(visited((take) => visitBits(Uint8Array.of(1), 9, take))).toEqual([[0, 1]]);
});

test('a share is of the most that the segmentation says', () => {
  expect(visited((take) => visitShares(Uint8Array.of(0, 50, 100, 200), 4, 100, take))).toEqual([[1, 0.5], [2, 1], [3, 1]]);
});

test('labels of two bytes are little endian', () => {
  expect(visited((take) => visitLabels(Uint8Array.of(1, 2, 0, 0), 2, 16, take))).toEqual([[0, 513], [1, 0]]);
});

test('a segment has its colour and its opacity, and one on another shows both', () => {
  const { counts, at } = painted(nine, [1, [0b11, 0]], [2, [0b10, 1]], [3, [0xff, 1]]);
  expect(counts).toEqual([2, 2, 0]);
  expect(at(0)).toEqual([255, 0, 0, 128]);
  expect(at(1)).toEqual([85, 0, 170, 192]);
  expect(at(8)).toEqual([0, 0, 255, 128]);
  expect(at(2)).toEqual([0, 0, 0, 0]);
});

test('half of a fraction is half as dense', () => {
  const { at } = painted({ ...nine, coding: 'shares', bits: 8, most: 200 }, [1, [0, 100, 200]]);
  expect([at(0)[3], at(1)[3], at(2)[3]]).toEqual([0, 64, 128]);
});

test('a label map shows the segments that it names and no others', () => {
  const { counts, at } = painted({ ...nine, coding: 'labels', bits: 8 }, [null, [0, 1, 2, 9]]);
  expect(counts).toEqual([2]);
  expect([at(1), at(2), at(3)]).toEqual([[255, 0, 0, 128], [0, 0, 255, 128], [0, 0, 0, 0]]);
});
