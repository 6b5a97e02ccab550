import { expect, test } from 'vitest';
import type { Alarm } from './useCritical';
import { seenWith, type Seen } from './useGone';

const alarm = (consult: string, n = 1) => ({ of: { consult }, finding: { n } }) as unknown as Alarm;
const [a, b] = [alarm('a'), alarm('b')];

/** What has gone after these alarms stood, one list after the other. */
const goneAfter = (...lists: Alarm[][]) => lists.reduce<Seen>(seenWith, { now: [], gone: [] }).gone;

test('an alarm that has left is gone', () => {
  expect(goneAfter([a, b], [b])).toEqual([a]);
});

test('one that comes back is not gone', () => {
  expect(goneAfter([a, b], [b], [a, b])).toEqual([]);
});

test('one that leaves twice is gone once', () => {
  expect(goneAfter([a, b], [b], [a, b], [b])).toEqual([a]);
});

test('nothing is set anew while nothing comes or goes', () => {
  const seen: Seen = { now: [a], gone: [b] };
  expect(seenWith(seen, [alarm('a')])).toBe(seen);
});
