import { expect, test } from 'vitest';
import { renewIn } from './useLease';

test('a lease is renewed before it ends, however short it is', () => {
  const now = Date.parse('2026-11-20T08:00:00Z');
  expect(renewIn('2026-11-20T08:15:00Z', now)).toBe(60_000);
  expect(renewIn('2026-11-20T08:00:30Z', now)).toBe(10_000);
  expect(renewIn('2026-11-20T07:59:00Z', now)).toBe(1_000);
});
