/** Bits of overlay planes: cut out of their elements or of pixels, kept packed, and unpacked where they are painted. */
import type { Colour } from '../colours';
import { visitBits } from '../segments/pixels';
import type { OverlayPlane } from './plane';

/** Told apart from greys, on white, on black, and by people who do not tell red from green. */
export const ink: Colour = [250, 96, 0];
const opacities = { graphics: 255, region: 102 } as const;

/** Bytes of an element in which a frame is, whose first bit need not be a byte's (PS3.5 §8.1.1). */
export function bytesOf({ rows, columns }: Pick<OverlayPlane, 'rows' | 'columns'>, frame: number): { from: number; to: number; firstBit: number } {
  const bits = rows * columns;
  return { from: Math.floor((bits * frame) / 8), to: Math.ceil((bits * (frame + 1)) / 8), firstBit: (bits * frame) % 8 };
}

/** The frame from the first bit of a byte on. */
export function aligned(bytes: Uint8Array, firstBit: number, count: number): Uint8Array {
  if (firstBit === 0) return bytes;
  return Uint8Array.from({ length: Math.ceil(count / 8) }, (_, at) => ((bytes[at] ?? 0) >> firstBit) | ((bytes[at + 1] ?? 0) << (8 - firstBit)));
}

/** One bit of each little-endian pixel, packed. */
export function bitOfPixels(pixels: Uint8Array, bytesPerPixel: number, bit: number): Uint8Array {
  const count = Math.floor(pixels.length / bytesPerPixel);
  const packed = new Uint8Array(Math.ceil(count / 8));
  const [byte, shift] = [bit >> 3, bit & 7];
  for (let at = 0; at < count; at += 1) {
    if (((pixels[at * bytesPerPixel + byte] ?? 0) >> shift) & 1) packed[at >> 3] = (packed[at >> 3] ?? 0) | (1 << (at & 7));
  }
  return packed;
}

/** A plane and its bits on one image. */
export interface Bits {
  plane: Pick<OverlayPlane, 'rows' | 'columns' | 'origin' | 'kind'>;
  bytes: Uint8Array;
}

/** Calls with column and row of the image, counted from 0, of each bit that lies on it. */
function visitOn(columns: number, rows: number, { plane, bytes }: Bits, visit: (x: number, y: number) => void): void {
  const [top, left] = [plane.origin[0] - 1, plane.origin[1] - 1];
  visitBits(bytes, plane.rows * plane.columns, (at) => {
    const x = left + (at % plane.columns);
    const y = top + Math.floor(at / plane.columns);
    if (x >= 0 && y >= 0 && x < columns && y < rows) visit(x, y);
  });
}

export interface Painted {
  /** Of the image's pixels: where its first one begins, and how many lie under one of its own, across and down. */
  left: number;
  top: number;
  step: number;
  width: number;
  height: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * All planes of an image in one picture, no larger than what is set; `null` when nothing is. Where the screen has not a
 * pixel for each of the image's, `step` of them share one, so that no thin line is lost. `pixels`: bits on the image.
 */
export function paintPlanes(columns: number, rows: number, planes: readonly Bits[], step: number): { painted: Painted | null; pixels: number } {
  let [left, top, right, bottom, pixels] = [columns, rows, -1, -1, 0];
  for (const one of planes) {
    visitOn(columns, rows, one, (x, y) => {
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
      pixels += 1;
    });
  }
  if (pixels === 0) return { painted: null, pixels };
  const [width, height] = [Math.floor((right - left) / step) + 1, Math.floor((bottom - top) / step) + 1];
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (const one of planes) {
    const opacity = opacities[one.plane.kind];
    visitOn(columns, rows, one, (x, y) => {
      const byte = (Math.floor((y - top) / step) * width + Math.floor((x - left) / step)) * 4;
      if ((rgba[byte + 3] ?? 0) >= opacity) return;
      rgba[byte] = ink[0];
      rgba[byte + 1] = ink[1];
      rgba[byte + 2] = ink[2];
      rgba[byte + 3] = opacity;
    });
  }
  return { painted: { left, top, step, width, height, rgba }, pixels };
}
