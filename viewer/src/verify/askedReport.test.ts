import { expect, test } from 'vitest';
import { askedReport, isAsked } from './askedReport';

const sha256 = 'a'.repeat(64);

test('a code names one report', () => {
  const asked = askedReport(new URLSearchParams({ number: 'YX20261123-0007', sha256 }));
  expect(asked).toEqual({ number: 'YX20261123-0007', sha256 });
  if (asked === null) throw new Error('nothing was asked');
  expect(isAsked(asked, { number: 'YX20261123-0007', sha256 })).toBe(true);
  expect(isAsked(asked, { number: 'YX20261123-0007', sha256: 'b'.repeat(64) })).toBe(false);
  expect(isAsked(asked, { number: 'YX20261123-0008', sha256 })).toBe(false);
});

test('anything else names none', () => {
  for (const [number, hash] of [
    ['', sha256],
    ['<script>', sha256],
    ['YX20261123-0007', 'A'.repeat(64)],
    ['YX20261123-0007', ''],
  ] as const) {
    expect(askedReport(new URLSearchParams({ number, sha256: hash }))).toBeNull();
  }
});
