import { expect, test } from 'vitest';
import { firstOfMonth, periodOf, today, yearBefore } from './period';

test('a period holds its last day whole', () => {
  const period = periodOf('2026-11-01', '2026-11-30');
  expect(period).not.toBeNull();
  const [from, until] = [Date.parse(period?.from ?? ''), Date.parse(period?.until ?? '')];
  expect(until - from).toBe(30 * 86_400_000);
});

test('what ends before it begins, or is no day, is no period', () => {
  expect(periodOf('2026-11-02', '2026-11-01')).toBeNull();
  expect(periodOf('', '2026-11-01')).toBeNull();
});

test('days are of this computer', () => {
  expect(today(new Date(2026, 0, 5))).toBe('2026-01-05');
  expect(firstOfMonth('2026-01-05')).toBe('2026-01-01');
  expect(yearBefore('2026-11-27')).toBe('2025-12-01');
  expect(yearBefore('2026-12-31')).toBe('2026-01-01');
});
