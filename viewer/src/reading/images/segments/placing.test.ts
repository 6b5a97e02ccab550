import { expect, test } from 'vitest';
import type { Vector } from '../linking';
import { between, placeOn, type ImagePlace } from './placing';
import type { PixelPlane, Reference, Segmentation, SegmentFrame } from './segmentation';

function plane(z: number, more: Partial<PixelPlane> = {}): PixelPlane {
  return { position: [0, 0, z], row: [1, 0, 0], column: [0, 1, 0], normal: [0, 0, 1], columnSpacing: 1, rowSpacing: 1, thickness_mm: 2, ...more };
}

const image = (sop: string, at: PixelPlane | null, more: Partial<ImagePlace> = {}): ImagePlace => ({
  imageId: sop,
  sop,
  frame: 1,
  rows: 4,
  columns: 4,
  frameOfReference: 'A',
  plane: at,
  ...more,
});
const names = (sop: string, ...frames: number[]): Reference => ({ sop, frames, keepsPlaces: true });
const frame = (number: number, at: PixelPlane | null, ...references: Reference[]): SegmentFrame => ({ number, segment: 1, plane: at, references });
const segmentation = (...frames: SegmentFrame[]): Segmentation => ({
  uid: '1',
  address: '',
  name: '',
  coding: 'bits',
  bits: 1,
  most: 255,
  rows: 4,
  columns: 4,
  frameOfReference: 'A',
  segments: [],
  frames,
});
const stack = [0, 2, 4].map((z) => image(`i${z}`, plane(z)));
const shown = (of: Segmentation, images: readonly ImagePlace[] = stack) => {
  const { byImage, refusal, left } = placeOn(of, images);
  return { on: [...byImage].map(([id, placed]) => [id, ...placed.map((one) => one.frame.number)]), refusal, left };
};

test('frames lie on the images that they name', () => {
  expect(shown(segmentation(frame(1, plane(2), names('i2')), frame(2, plane(2), names('i2')), frame(3, plane(4), names('i4'))))).toEqual({
    on: [['i2', 1, 2], ['i4', 3]],
    refusal: null,
    left: 0,
  });
});

test('of a multi-frame image only the frames that are named', () => {
  const run = [1, 2, 3].map((number) => image('us', null, { imageId: `us/${number}`, frame: number }));
  expect(shown(segmentation(frame(1, null, names('us', 2))), run).on).toEqual([['us/2', 1]]);
  expect(shown(segmentation(frame(1, null, names('us'))), run).on).toEqual([['us/1', 1], ['us/2', 1], ['us/3', 1]]);
});

test('without names the place decides, within a tenth of a millimetre', () => {
  expect(shown(segmentation(frame(1, plane(2.05)), frame(2, plane(3)))).on).toEqual([['i2', 1]]);
});

test('a name that the place contradicts is not believed', () => {
  expect(shown(segmentation(frame(1, plane(4.5), names('i2')), frame(2, plane(2), names('i2'))))).toEqual({ on: [['i2', 2]], refusal: 'geometry', left: 1 });
});

test('another frame of reference is refused, named or not', () => {
  const of = { ...segmentation(frame(1, plane(2), names('i2'))), frameOfReference: 'B' };
  expect(shown(of)).toEqual({ on: [], refusal: 'frame', left: 1 });
  expect(shown({ ...of, frames: [frame(1, plane(2))] })).toEqual({ on: [], refusal: 'frame', left: 0 });
  expect(shown({ ...of, frameOfReference: '' }).refusal).toBe('frame');
});

test('other directions are refused', () => {
  const tilted: Vector = [0, 0.6, 0.8];
  expect(shown(segmentation(frame(1, plane(2, { normal: tilted }), names('i2')))).refusal).toBe('geometry');
});

test('without a plane only the same matrix in the same places will do', () => {
  const flat = [image('cr', null)];
  expect(shown(segmentation(frame(1, null, names('cr'))), flat).on).toEqual([['cr', 1]]);
  expect(shown({ ...segmentation(frame(1, null, names('cr'))), rows: 8 }, flat)).toEqual({ on: [], refusal: 'geometry', left: 1 });
  expect(shown(segmentation(frame(1, null, { ...names('cr'), keepsPlaces: false })), flat).refusal).toBe('geometry');
});

test('what belongs to other images, or nowhere, says so', () => {
  expect(shown(segmentation(frame(1, null, names('other')))).refusal).toBe('elsewhere');
  expect(shown(segmentation(frame(1, null))).refusal).toBe('unplaced');
});

test('a finer matrix, turned, lies where it is in the patient', () => {
  // Twice as fine, its rows down the image's columns, its first pixel's corner at the image's right upper corner.
  const fine = plane(0, { position: [3.25, -0.25, 0], row: [0, 1, 0], column: [-1, 0, 0], columnSpacing: 0.5, rowSpacing: 0.5 });
  const [a, b, c, d, e, f] = between(fine, plane(0));
  const at = (x: number, y: number) => [a * x + c * y + e, b * x + d * y + f];
  expect(at(0, 0)).toEqual([4, 0]);
  expect(at(8, 0)).toEqual([4, 4]);
  expect(at(8, 8)).toEqual([0, 4]);
});
