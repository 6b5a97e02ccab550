/** Alarms that this page has shown and that stand no more: received, or withdrawn. */
import { useState } from 'react';
import type { Alarm } from './useCritical';

const keyOf = ({ of, finding }: Alarm) => `${of.consult}/${finding.n}`;

export function useGone(alarms: Alarm[]): [Alarm[], (alarm: Alarm) => void] {
  const [seen, setSeen] = useState<{ now: Alarm[]; gone: Alarm[] }>({ now: [], gone: [] });
  const keys = new Set(alarms.map(keyOf));
  const before = new Set(seen.now.map(keyOf));
  const ended = seen.now.filter((alarm) => !keys.has(keyOf(alarm)));
  // State that follows from what comes in is set while it is rendered, not afterwards.
  if (ended.length > 0 || alarms.some((alarm) => !before.has(keyOf(alarm)))) setSeen({ now: alarms, gone: [...seen.gone, ...ended] });
  return [seen.gone, (alarm) => setSeen((was) => ({ ...was, gone: was.gone.filter((one) => keyOf(one) !== keyOf(alarm)) }))];
}
