import { expect, test } from 'vitest';
import type { Carried, Overview, Shift } from './api';
import { ageOf, momentOf, nextShift, piles } from './desk';

const minute = 60_000;

test('how long ago is said in minutes, hours or days', () => {
  expect(ageOf(0, 5 * minute)).toEqual({ n: 5, unit: 'minutes' });
  expect(ageOf(0, 125 * minute)).toEqual({ n: 2, unit: 'hours' });
  expect(ageOf(0, 49 * 60 * minute)).toEqual({ n: 2, unit: 'days' });
  expect(ageOf(minute, 0)).toEqual({ n: 0, unit: 'minutes' });
});

test('the shift that runs comes before the next one', () => {
  const shift = (id: string, person: string, from: string, has_begun: boolean): Shift => ({ id, kind: 'duty', person: { id: person, name: '' }, from, until: from, has_begun });
  const shifts = [shift('late', 'wang', '2026-11-29T08:00:00Z', false), shift('soon', 'wang', '2026-11-28T08:00:00Z', false), shift('now', 'li', '2026-11-27T08:00:00Z', true)];
  expect(nextShift(shifts, 'wang')?.id).toBe('soon');
  expect(nextShift([...shifts, shift('runs', 'wang', '2026-11-30T08:00:00Z', true)], 'wang')?.id).toBe('runs');
  expect(nextShift(shifts, 'nobody')).toBeUndefined();
});

test('each pile says how much of it is late', () => {
  const late = { is_overdue: true } as Carried;
  const overview: Overview = { people: [], unassigned: [late, { is_overdue: false } as Carried], to_review: [], awaiting_data: [], shifts: [], is_cut: false };
  expect(piles(overview).map(({ name, cases, overdue }) => [name, cases.length, overdue])).toEqual([
    ['unassigned', 2, 1],
    ['to_review', 0, 0],
    ['awaiting_data', 0, 0],
  ]);
});

test('a local moment becomes one of the world, or none', () => {
  expect(momentOf('2026-11-27T08:00')).toBe(new Date(2026, 10, 27, 8).toISOString());
  expect([momentOf(''), momentOf('soon')]).toEqual([null, null]);
});
