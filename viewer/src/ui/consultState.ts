/** What a consult's state means to a page. */
import type { ConsultState } from '../api/types';

const running: ReadonlySet<ConsultState> = new Set([
  'submitted',
  'awaiting_data',
  'accepted',
  'assigned',
  'reading',
  'preliminary',
  'returned',
]);

const answered: ReadonlySet<ConsultState> = new Set(['final', 'delivered', 'closed', 'amending']);

/** Somebody is waited for, so the clock counts. */
export function isRunning(state: ConsultState): boolean {
  return running.has(state);
}

/** A signed report exists. */
export function isAnswered(state: ConsultState): boolean {
  return answered.has(state);
}
