import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sha256 } from './sha256';

const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

test('the standard’s own examples', () => {
  const of = (text: string) => new Sha256().update(new TextEncoder().encode(text)).hex();
  expect(of('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(of('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('any length, however it is cut, is what Node says', () => {
  for (const length of [1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1_000, 20_003]) {
    const all = bytes(length);
    const expected = createHash('sha256').update(all).digest('hex');
    expect(new Sha256().update(all).hex()).toBe(expected);
    for (const step of [1, 13, 64, 4_096]) {
      const hash = new Sha256();
      for (let at = 0; at < length; at += step) hash.update(all.subarray(at, at + step));
      expect(hash.hex(), `${length} by ${step}`).toBe(expected);
    }
  }
});
