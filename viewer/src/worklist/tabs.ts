/** Which tabs of the worklist a person has, in the order of their day. */
import type { Me, WorklistTab } from '../api/types';
import { hasRole } from '../session/useMe';

export function tabsFor(me: Me): WorklistTab[] {
  const reads = hasRole(me, 'reader');
  const tabs: [WorklistTab, boolean][] = [
    ['mine', reads || hasRole(me, 'requester')],
    ['answered', hasRole(me, 'requester')],
    ['pool', reads || hasRole(me, 'coordinator')],
    ['review', hasRole(me, 'reviewer')],
    ['opinion', reads || hasRole(me, 'reviewer')],
    ['awaiting', true],
    ['critical', true],
    ['overdue', true],
    ['all', true],
  ];
  return tabs.filter(([, shown]) => shown).map(([tab]) => tab);
}

/** `wanted` comes from the address, so it may be anything. */
export function chosenTab(tabs: WorklistTab[], wanted: string | null): WorklistTab {
  return tabs.find((tab) => tab === wanted) ?? tabs[0] ?? 'all';
}
