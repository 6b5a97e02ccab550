/** Roles that administrators give; the three offices are given on the command line only. */
import type { Role } from '../api/types';
import type { Organisation } from './api';

export const workingRoles = [
  'requester',
  'uploader',
  'coordinator',
  'reader',
  'reviewer',
  'quality_control',
  'archivist',
  'regulator',
] as const satisfies readonly Role[];

const learning = ['learner'] as const satisfies readonly Role[];

/** Roles that people can have in an organisation: in a teaching collection they learn. */
export function rolesIn(organisation: Pick<Organisation, 'kind'> | undefined): readonly Role[] {
  return organisation?.kind === 'collection' ? learning : workingRoles;
}

/** Whether somebody in these roles signs, for which it takes a licence and a key. */
export function signs(roles: readonly Role[]): boolean {
  return roles.includes('reader') || roles.includes('reviewer');
}

export type LicenceState = 'none' | 'expired' | 'ending' | 'good';

const warning_ms = 30 * 24 * 3600 * 1000;

/** How it stands with a licence on a day; it is good to the end of its last day. */
export function licenceState(validUntil: string | undefined, now: Date): LicenceState {
  if (validUntil === undefined) return 'none';
  const left_ms = new Date(`${validUntil}T23:59:59`).getTime() - now.getTime();
  if (left_ms < 0) return 'expired';
  return left_ms < warning_ms ? 'ending' : 'good';
}
