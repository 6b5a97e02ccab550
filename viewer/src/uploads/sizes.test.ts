import { expect, test } from 'vitest';
import { bytesText, spanParts } from './sizes';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 KB'],
  [186_000_000, '186 MB'],
  [1_840_000_000, '1.8 GB'],
  [64 * 2 ** 30, '69 GB'],
])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

test('spans are rounded to what one would say', () => {
  expect(spanParts(0.2)).toEqual({ unit: 'seconds', n: 1, m: 0 });
  expect(spanParts(95)).toEqual({ unit: 'minutes', n: 2, m: 0 });
  expect(spanParts(3_900)).toEqual({ unit: 'hours', n: 1, m: 5 });
});
