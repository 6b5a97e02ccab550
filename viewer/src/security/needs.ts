/** Which parts of the overview need somebody: what is merely so does not, or nobody would look any more. */
import type { SecurityOverview } from './api';
import { chainFault } from './chain';

export type Part = 'accounts' | 'failed' | 'sessions' | 'tokens' | 'people' | 'agreements' | 'emergencies' | 'devices' | 'node';

/** So many refusals of one account are no typing errors. */
const guessesMin = 10;

const offices: readonly string[] = ['administrator', 'security_officer', 'auditor'];

export function needs(seen: SecurityOverview, now: number): ReadonlySet<Part> {
  const { accounts, failed, tokens, people_ending, agreements_ending, emergencies, devices, node } = seen;
  const isBare = accounts.without_second_factor.some((one) => one.takes_second_factor || one.roles.some((role) => offices.includes(role)));
  const all: [Part, boolean][] = [
    ['accounts', isBare || accounts.locked.length > 0],
    ['failed', failed.lines.some((line) => line.count >= guessesMin)],
    ['tokens', tokens.to_look_at > 0],
    ['people', people_ending.count > 0],
    ['agreements', agreements_ending.count > 0],
    ['emergencies', emergencies.waiting > 0],
    ['devices', devices.lines.some((line) => line.calls_plain && line.from_anywhere)],
    ['node', node !== null && (node.ending.count > 0 || chainFault(node.audit, now) !== null)],
  ];
  return new Set(all.filter(([, is]) => is).map(([part]) => part));
}
