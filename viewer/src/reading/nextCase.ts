/** Which case comes after this one. Knows nothing of pages. */
import type { ConsultAction, ConsultList, ConsultRow, Me, WorklistTab } from '../api/types';
import { hasRole } from '../session/useMe';

/** A list, and what somebody can do with a row of it that is their work. */
export interface Pile {
  tab: WorklistTab;
  actions: readonly ConsultAction[];
}

/** What is already mine, whether begun or only assigned, then what waits for a second signature, then what waits for anyone. */
export function pilesOf(me: Me): Pile[] {
  const piles: [Pile, boolean][] = [
    [{ tab: 'mine', actions: ['sign', 'claim'] }, true],
    [{ tab: 'review', actions: ['review'] }, hasRole(me, 'reviewer')],
    [{ tab: 'pool', actions: ['claim'] }, hasRole(me, 'reader')],
  ];
  return piles.filter(([, isTheirs]) => isTheirs).map(([pile]) => pile);
}

export type ListPage = (tab: WorklistTab, cursor: string | undefined) => Promise<Pick<ConsultList, 'consults' | 'next'>>;

/** Of each list; beyond them nobody goes on by one key. */
const pagesMax = 20;

/**
 * The most urgent case that has not been passed over, and where there is none, the one that was passed over the longest ago:
 * so that going on from case to case comes round to all of them, and what is new and urgent still comes first.
 */
export async function findNext(current: string, piles: readonly Pile[], passed: readonly string[], list: ListPage): Promise<ConsultRow | null> {
  const again = new Map<string, ConsultRow>();
  for (const { tab, actions } of piles) {
    let cursor: string | undefined;
    for (let page = 0; page < pagesMax; page += 1) {
      const { consults, next } = await list(tab, cursor);
      for (const row of consults) {
        if (row.id === current || !actions.some((action) => row.allowed.includes(action))) continue;
        if (!passed.includes(row.id)) return row;
        again.set(row.id, row);
      }
      if (next === null) break;
      cursor = next;
    }
  }
  return again.get(passed.find((id) => again.has(id)) ?? '') ?? null;
}

/** The cases that were passed over, the longest ago first, now that this one is left, too. */
export function passedBy(passed: readonly string[], current: string): string[] {
  return [...passed.filter((id) => id !== current), current];
}
