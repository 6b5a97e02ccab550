/** Alarms that this page has shown and that stand no more: received, or withdrawn. */
import { useState } from 'react';
import type { Alarm } from './useCritical';

export interface Seen {
  now: Alarm[];
  gone: Alarm[];
}

const keyOf = ({ of, finding }: Alarm) => `${of.consult}/${finding.n}`;

/** What has been seen once these alarms stand; the same object where nothing has come or gone. */
export function seenWith(seen: Seen, alarms: Alarm[]): Seen {
  const keys = new Set(alarms.map(keyOf));
  const before = new Set(seen.now.map(keyOf));
  const ended = seen.now.filter((alarm) => !keys.has(keyOf(alarm)));
  if (ended.length === 0 && alarms.every((alarm) => before.has(keyOf(alarm)))) return seen;
  // One that is back is not gone, and is gone once however often it leaves.
  const left = new Set(ended.map(keyOf));
  const still = seen.gone.filter((alarm) => !keys.has(keyOf(alarm)) && !left.has(keyOf(alarm)));
  return { now: alarms, gone: [...still, ...ended] };
}

export function useGone(alarms: Alarm[]): [Alarm[], (alarm: Alarm) => void] {
  const [seen, setSeen] = useState<Seen>({ now: [], gone: [] });
  const next = seenWith(seen, alarms);
  // State that follows from what comes in is set while it is rendered, not afterwards.
  if (next !== seen) setSeen(next);
  return [seen.gone, (alarm) => setSeen((was) => ({ ...was, gone: was.gone.filter((one) => keyOf(one) !== keyOf(alarm)) }))];
}
