import { expect, test, vi } from 'vitest';
import type { Instance } from '../dicomJson';

vi.mock('@cornerstonejs/core', () => ({}));
vi.mock('@cornerstonejs/dicom-image-loader', () => ({}));
const { clearValues, keptBits } = await import('./clearedValues');

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: [one] }]));
const pixels = { '00280010': 2, '00280011': 2, '00280100': 16, '00280101': 12, '00280102': 11, '00280103': 0 };
const inPixels = { '60000010': 2, '60000011': 2, '60000100': 16, '60000102': 12 };

test('a grey is what its stored bits say, whatever a plane has above and below them', () => {
  const values = Uint16Array.of(600, 600 | 0x1000, 0xf000, 0xffff);
  expect(clearValues(values, { stored: 12, below: 0 }, 1, 0)).toEqual([0, 4095]);
  expect([...values]).toEqual([600, 600, 0, 4095]);
  const shifted = Uint16Array.of((600 << 4) | 0b1011);
  clearValues(shifted, { stored: 12, below: 4 }, 1, 0);
  expect([...shifted]).toEqual([600]);
});

test('values that were rescaled are taken back for it', () => {
  const values = Float32Array.of(600 * 0.5 - 1000, (600 + 4096) * 0.5 - 1000);
  expect(clearValues(values, { stored: 12, below: 0 }, 0.5, -1000)).toEqual([-700, -700]);
});

test('only images with planes in unsigned pixels are touched', () => {
  expect(keptBits(value({ ...pixels, ...inPixels }))).toEqual({ stored: 12, below: 0 });
  expect(keptBits(value({ ...pixels, ...inPixels, '00280102': 15, '60000102': 0 }))).toEqual({ stored: 12, below: 4 });
  expect(keptBits(value(pixels))).toBeNull();
  expect(keptBits(value({ ...pixels, ...inPixels, '00280103': 1 }))).toBeNull();
});
