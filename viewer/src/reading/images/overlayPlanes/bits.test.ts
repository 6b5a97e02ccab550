import { expect, test } from 'vitest';
import { aligned, bitOfPixels, bytesOf, ink, paintPlanes, type Bits } from './bits';

/** Rows of `#` and `.`, packed. */
function bits(rows: readonly string[], more: Partial<Bits['plane']> = {}): Bits {
  const all = [...rows.join('')];
  const bytes = new Uint8Array(Math.ceil(all.length / 8));
  all.forEach((one, at) => {
    if (one === '#') bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  });
  return { plane: { rows: rows.length, columns: rows[0]?.length ?? 0, origin: [1, 1], kind: 'graphics', ...more }, bytes };
}

/** What is painted, as rows again, with where it begins. */
function drawn(columns: number, rows: number, planes: readonly Bits[], step = 1) {
  const { painted, pixels } = paintPlanes(columns, rows, planes, step);
  if (painted === null) return { pixels };
  const { left, top, width, height, rgba } = painted;
  const shade = (at: number) => ({ 0: '.', 102: '+', 255: '#' })[rgba[at * 4 + 3] ?? -1] ?? '?';
  return { at: [left, top], rows: Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => shade(y * width + x)).join('')), pixels };
}

test('a frame is where its bits begin, also within a byte', () => {
  expect(bytesOf({ rows: 3, columns: 3 }, 0)).toEqual({ from: 0, to: 2, firstBit: 0 });
  expect(bytesOf({ rows: 3, columns: 3 }, 1)).toEqual({ from: 1, to: 3, firstBit: 1 });
  // The second of two frames: bits 9 to 17 are 101010101.
  expect([...aligned(Uint8Array.of(0b1010_1011, 0b0000_0010), 1, 9)]).toEqual([0b0101_0101, 0b1]);
});

test('one bit of little-endian pixels is packed', () => {
  const pixels = Uint8Array.of(0xff, 0x0f, 0x00, 0x10, 0xff, 0xff, 0x00, 0x80);
  expect([...bitOfPixels(pixels, 2, 12)]).toEqual([0b0110]);
  expect([...bitOfPixels(pixels, 2, 15)]).toEqual([0b1100]);
  expect([...bitOfPixels(Uint8Array.of(0x80, 0x7f), 1, 7)]).toEqual([0b01]);
});

test('bits lie where the plane begins, and what is outside of the image is left out', () => {
  const square = ['##', '##'];
  expect(drawn(4, 4, [bits(square, { origin: [2, 3] })])).toEqual({ at: [2, 1], rows: square, pixels: 4 });
  expect(drawn(4, 4, [bits(square, { origin: [0, 0] })])).toEqual({ at: [0, 0], rows: ['#'], pixels: 1 });
  expect(drawn(4, 4, [bits(square, { origin: [4, 3] })])).toEqual({ at: [2, 3], rows: ['##'], pixels: 2 });
  expect(drawn(4, 4, [bits(square, { origin: [-32_768, 32_767] })])).toEqual({ pixels: 0 });
  expect(drawn(4, 4, [bits(['..'])])).toEqual({ pixels: 0 });
});

test('a region lets the image be seen, and lines over it stay lines', () => {
  const region = bits(['###', '###'], { kind: 'region' });
  expect(drawn(3, 2, [bits(['.#.', '...']), region]).rows).toEqual(['+#+', '+++']);
  expect(drawn(3, 2, [region, bits(['.#.', '...'])]).rows).toEqual(['+#+', '+++']);
  expect([...(paintPlanes(1, 1, [bits(['#'])], 1).painted?.rgba ?? [])]).toEqual([...ink, 255]);
});

test('no thin line is lost where the screen is smaller than the image', () => {
  expect(drawn(6, 6, [bits(['#.....', '......', '......', '......', '......', '.....#'])], 4)).toEqual({ at: [0, 0], rows: ['#.', '.#'], pixels: 2 });
});

test('the ink stands out on white and on black', () => {
  const linear = (part: number) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = 0.2126 * linear(ink[0]) + 0.7152 * linear(ink[1]) + 0.0722 * linear(ink[2]);
  expect(1.05 / (light + 0.05)).toBeGreaterThan(3);
  expect((light + 0.05) / 0.05).toBeGreaterThan(3);
});
