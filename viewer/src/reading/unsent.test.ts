import { expect, test } from 'vitest';
import type { TimelineEntry } from '../api/types';
import { wasReadSince } from './unsent';

const entry = (person: string, at: string): TimelineEntry => ({ state: 'reading', at, by: { id: person, name: person }, note: '' });

test('words typed before a colleague took the case are not put over theirs', () => {
  const timeline = [entry('wang', '2026-11-20T08:00:00Z'), entry('chen', '2026-11-20T09:00:00Z'), entry('wang', '2026-11-20T10:00:00Z')];
  expect(wasReadSince({ timeline }, 'wang', '2026-11-20T08:30:00.000Z')).toBe(true);
  expect(wasReadSince({ timeline }, 'wang', '2026-11-20T10:30:00.000Z')).toBe(false);
});

test('a lease that ended in between takes no word away', () => {
  const timeline = [entry('wang', '2026-11-20T08:00:00Z'), entry('wang', '2026-11-20T10:00:00Z')];
  expect(wasReadSince({ timeline }, 'wang', '2026-11-20T08:30:00Z')).toBe(false);
});
