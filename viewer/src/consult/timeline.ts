/** Where a consult is: what has happened, and what is still to come. */
import type { ConsultState, TimelineEntry } from '../api/types';

export interface TimelineStep {
  state: ConsultState;
  /** `null`: still to come. */
  entry: TimelineEntry | null;
}

const usualWay: readonly ConsultState[] = ['submitted', 'accepted', 'reading', 'final', 'delivered', 'closed'];
const ends: ReadonlySet<ConsultState> = new Set(['rejected', 'cancelled', 'closed']);

/** Past steps in order, then the usual way on from the furthest of them; nothing follows an end. */
export function timelineSteps(entries: readonly TimelineEntry[]): TimelineStep[] {
  const past = entries
    .filter(({ state }, index) => state !== 'draft' && state !== entries[index - 1]?.state)
    .map((entry) => ({ state: entry.state, entry }));
  const last = past.at(-1);
  if (last !== undefined && ends.has(last.state)) return past;
  const reached = past.reduce((furthest, { state }) => Math.max(furthest, usualWay.indexOf(state)), -1);
  return [...past, ...usualWay.slice(reached + 1).map((state) => ({ state, entry: null }))];
}
