/** Who is logged in. */
import { createContext, useContext } from 'react';
import type { Me, Role } from '../api/types';

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === null) throw new Error('useMe outside SessionGate');
  return me;
}

export function hasRole(me: Me, ...roles: Role[]): boolean {
  return roles.some((role) => me.roles.includes(role));
}

/** Whether the person works with patients at all: administrators, security officers and auditors do not. */
export function seesPatients(me: Me): boolean {
  return hasRole(me, 'requester', 'uploader', 'coordinator', 'reader', 'reviewer', 'archivist', 'quality_control', 'learner');
}

/** Whether accounts, organisations, agreements or tokens are the person's to look after, or to look at. */
export function administers(me: Me): boolean {
  return hasRole(me, 'administrator', 'security_officer', 'regulator');
}

/** Whether consults are the person's work. */
export function worksOnConsults(me: Me): boolean {
  return hasRole(me, 'requester', 'uploader', 'coordinator', 'reader', 'reviewer');
}
