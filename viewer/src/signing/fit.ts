/** Whether a certificate that was opened can be used by who has opened it. */
import type { OwnKey } from './ownKey';

export type Unfit = 'expired' | 'notYet' | 'otherPerson' | 'otherOrganisation' | 'notRegistered';

/** `registered`: SHA-256 of the registered certificate; without one, that is not asked. */
export function unfit(key: OwnKey, me: { name: string; organisation: string }, registered: string | null, now: number): Unfit | null {
  const { name, organisation, notBefore, notAfter } = key.certificate;
  if (name !== me.name) return 'otherPerson';
  if (organisation !== me.organisation) return 'otherOrganisation';
  if (notAfter < now) return 'expired';
  if (notBefore > now) return 'notYet';
  return registered !== null && registered !== key.sha256 ? 'notRegistered' : null;
}
