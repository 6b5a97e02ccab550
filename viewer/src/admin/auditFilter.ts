/** What the auditor looks for, as it is typed and as the server is asked. */

export const actions = [
  'login',
  'logout',
  'store',
  'search',
  'read',
  'change',
  'grant',
  'sign',
  'verify',
  'export',
  'administer',
  'delete',
  'correct',
] as const;

export interface AuditDraft {
  patient: string;
  person: string;
  action: (typeof actions)[number] | '';
  /** Local days, both included. */
  from: string;
  to: string;
}

export const emptyFilter: AuditDraft = { patient: '', person: '', action: '', from: '', to: '' };

export interface AuditFilter {
  patient_id?: string;
  person?: string;
  action?: string;
  from?: string;
  until?: string;
}

const startOf = (day: string, later: number) => {
  const at = new Date(`${day}T00:00:00`);
  at.setDate(at.getDate() + later);
  return at.toISOString();
};

/** A day that is named last is in it to its end. */
export function filterOf({ patient, person, action, from, to }: AuditDraft): AuditFilter {
  return {
    ...(patient.trim() !== '' && { patient_id: patient.trim() }),
    ...(person.trim() !== '' && { person: person.trim() }),
    ...(action !== '' && { action }),
    ...(from !== '' && { from: startOf(from, 0) }),
    ...(to !== '' && { until: startOf(to, 1) }),
  };
}
