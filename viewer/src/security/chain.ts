/** Whether the audit chain is looked after: what a person has to do something about. */
import type { AuditState } from './api';

export type ChainFault = 'broken' | 'never_signed' | 'signed_long_ago' | 'never_verified' | 'not_sent';

/** A head is signed each day; two days without one is one that was missed. */
const headAgeMax_ms = 48 * 3600 * 1000;

export function chainFault(state: AuditState, now: number): ChainFault | null {
  if (state.verified?.fault != null) return 'broken';
  if (state.head === null) return 'never_signed';
  // A chain in which nothing has happened since needs no new head.
  if (now - Date.parse(state.head.at) > headAgeMax_ms && state.last_seq > state.head.seq + 1) return 'signed_long_ago';
  if (state.verified === null) return 'never_verified';
  if (state.sending?.error != null) return 'not_sent';
  return null;
}
