/** Frames of segmentations as colours over an image. Nothing is unpacked but what is painted. */
import type { Colour } from '../colours';
import type { Segmentation } from './segmentation';

/** How a segment is seen; `null` for one that is switched off. */
export type LookOf = (segment: number) => { colour: Colour; opacity: number } | null;

/** Calls with each pixel that is in (row after row) and how much of it is, from 0 to 1. */
export type Visit = (at: number, share: number) => void;

/** Single bits, the first in the lowest of a byte (PS3.5 §8.1.1); whole bytes without a bit are stepped over. */
export function visitBits(bytes: Uint8Array, count: number, visit: Visit): void {
  const last = Math.min(Math.ceil(count / 8), bytes.length);
  for (let byte = 0; byte < last; byte += 1) {
    const value = bytes[byte] ?? 0;
    if (value === 0) continue;
    for (let bit = 0; bit < 8; bit += 1) {
      const at = byte * 8 + bit;
      if ((value >> bit) & 1 && at < count) visit(at, 1);
    }
  }
}

/** Shares of `most` (0062,000E). */
export function visitShares(bytes: Uint8Array, count: number, most: number, visit: Visit): void {
  const last = Math.min(count, bytes.length);
  for (let at = 0; at < last; at += 1) {
    const value = bytes[at] ?? 0;
    if (value > 0) visit(at, Math.min(1, value / Math.max(most, 1)));
  }
}

/** Calls with each pixel and its segment's number; little-endian words where there are two bytes for each. */
export function visitLabels(bytes: Uint8Array, count: number, bits: 8 | 16, visit: (at: number, label: number) => void): void {
  const step = bits / 8;
  const last = Math.min(count, Math.floor(bytes.length / step));
  for (let at = 0; at < last; at += 1) {
    const label = step === 1 ? (bytes[at] ?? 0) : (bytes[at * 2] ?? 0) + 256 * (bytes[at * 2 + 1] ?? 0);
    visit(at, label);
  }
}

/** A colour laid over what is there, neither multiplied by its opacity. */
function lay(rgba: Uint8ClampedArray, at: number, colour: Colour, opacity: number): void {
  const byte = at * 4;
  const under = ((rgba[byte + 3] ?? 0) / 255) * (1 - opacity);
  const over = opacity + under;
  rgba[byte] = (colour[0] * opacity + (rgba[byte] ?? 0) * under) / over;
  rgba[byte + 1] = (colour[1] * opacity + (rgba[byte + 1] ?? 0) * under) / over;
  rgba[byte + 2] = (colour[2] * opacity + (rgba[byte + 2] ?? 0) * under) / over;
  rgba[byte + 3] = over * 255;
}

/** One frame, laid over what `rgba` has; `segment` is that of all its pixels, `null` where each says its own. Returns how many were laid. */
export function paint(rgba: Uint8ClampedArray, of: Pick<Segmentation, 'rows' | 'columns' | 'coding' | 'bits' | 'most'>, segment: number | null, bytes: Uint8Array, lookOf: LookOf): number {
  const count = of.rows * of.columns;
  let painted = 0;
  const put = (at: number, look: ReturnType<LookOf>, share: number) => {
    if (look === null || share * look.opacity <= 0) return;
    lay(rgba, at, look.colour, share * look.opacity);
    painted += 1;
  };
  if (of.coding === 'labels') {
    const looks: ReturnType<LookOf>[] = [];
    visitLabels(bytes, count, of.bits === 16 ? 16 : 8, (at, label) => {
      let look = looks[label];
      if (look === undefined) look = looks[label] = lookOf(label);
      put(at, look, 1);
    });
    return painted;
  }
  const look = segment === null ? null : lookOf(segment);
  if (look === null) return 0;
  const visit: Visit = (at, share) => put(at, look, share);
  if (of.coding === 'bits') visitBits(bytes, count, visit);
  else visitShares(bytes, count, of.most, visit);
  return painted;
}
