import { expect, test } from 'vitest';
import type { ConsultState, TimelineEntry } from '../api/types';
import { timelineSteps } from './timeline';

function happened(...states: ConsultState[]): TimelineEntry[] {
  return states.map((state) => ({ state, at: '2026-11-20T08:00:00Z', by: null, note: '' }));
}

const shown = (entries: TimelineEntry[]) => timelineSteps(entries).map(({ state, entry }) => (entry === null ? `(${state})` : state));

test('what is to come follows what has been', () => {
  expect(shown(happened('draft', 'submitted', 'accepted'))).toEqual([
    'submitted',
    'accepted',
    '(reading)',
    '(final)',
    '(delivered)',
    '(closed)',
  ]);
});

test('detours stay in the line', () => {
  expect(shown(happened('submitted', 'accepted', 'reading', 'preliminary', 'returned', 'reading'))).toEqual([
    'submitted',
    'accepted',
    'reading',
    'preliminary',
    'returned',
    'reading',
    '(final)',
    '(delivered)',
    '(closed)',
  ]);
});

test('nothing follows an end', () => {
  expect(shown(happened('submitted', 'rejected'))).toEqual(['submitted', 'rejected']);
  expect(shown(happened('draft', 'cancelled'))).toEqual(['cancelled']);
});
