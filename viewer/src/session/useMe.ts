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

/** Whether the person asks for consults. */
export const asks = (me: Me): boolean => hasRole(me, 'requester');

/** Whether the person brings slides. */
export const uploads = (me: Me): boolean => hasRole(me, 'requester', 'uploader');

export const placesOrders = (me: Me): boolean => hasRole(me, 'requester', 'uploader', 'coordinator');

export const seesStatistics = (me: Me): boolean => hasRole(me, 'coordinator', 'requester', 'quality_control', 'regulator');

/** Whether the person keeps studies in order: corrects, deletes, exports without identity. */
export const keepsStudies = (me: Me): boolean => hasRole(me, 'archivist');

export const audits = (me: Me): boolean => hasRole(me, 'auditor');

/** Whether accounts, organisations, agreements or tokens are the person's to look after, or to look at. */
export function administers(me: Me): boolean {
  return hasRole(me, 'administrator', 'security_officer', 'regulator');
}

/** Whether consults are the person's work. */
export function worksOnConsults(me: Me): boolean {
  return hasRole(me, 'requester', 'uploader', 'coordinator', 'reader', 'reviewer');
}
