import { expect, test } from 'vitest';
import { formatMinutes, readClock } from './clock';

const minute = 60_000;

test('a fresh request is calm, its last fifth is soon, after that it is over', () => {
  const due = 100 * minute;
  expect(readClock(0, due, 10 * minute)).toEqual({ level: 'calm', minutes: 90 });
  expect(readClock(0, due, 79 * minute).level).toBe('calm');
  expect(readClock(0, due, 80 * minute)).toEqual({ level: 'soon', minutes: 20 });
  expect(readClock(0, due, 165 * minute)).toEqual({ level: 'over', minutes: 65 });
});

test('a minute that has begun counts, give or take what the clocks differ', () => {
  expect(readClock(0, minute, minute - 10_000)).toEqual({ level: 'soon', minutes: 1 });
  expect(readClock(0, minute, minute)).toEqual({ level: 'soon', minutes: 0 });
  expect(readClock(0, 24 * 60 * minute, -900).minutes).toBe(24 * 60);
});

test('without a start, the last hour is soon', () => {
  expect(readClock(null, 120 * minute, 59 * minute).level).toBe('calm');
  expect(readClock(null, 120 * minute, 60 * minute).level).toBe('soon');
});

test('minutes read as hours and minutes', () => {
  expect(formatMinutes(12)).toBe('00:12');
  expect(formatMinutes(160)).toBe('02:40');
  expect(formatMinutes(6_000)).toBe('100:00');
});
