/** Rules of assignment and duty, as the server speaks of them. */
import { request } from '../api/client';
import type { ConsultKind, ConsultState, Ref, Urgency } from '../api/types';
import type { Subspecialty } from '../ui/subspecialties';

export const languages = ['zh', 'bo', 'ug', 'mn', 'en'] as const;
export type Language = (typeof languages)[number];
export type Duty = 'on' | 'off';
export type Target = { who: 'people'; people: string[] } | { who: 'anyone' } | { who: 'pool' };

/** An empty list asks nothing. */
export interface Rule {
  name: string;
  modalities: string[];
  /** Defined terms of DICOM, or codes where there is none. */
  body_parts: string[];
  words: string[];
  kinds: ConsultKind[];
  urgencies: Urgency[];
  requesting: string[];
  languages: Language[];
  /** Of whoever it goes to. */
  subspecialties: Subspecialty[];
  to: Target;
  is_paused: boolean;
}

export interface Rules {
  /** To be sent back with a change. */
  version: number;
  rules: Rule[];
}

export interface OnDuty extends Ref {
  title: string;
  modalities: string[];
  subspecialties: Subspecialty[];
  duty: Duty;
  load: number;
}

/** A consult on a coordinator's desk. */
export interface Carried {
  id: string;
  number: string;
  version: number;
  patient: string;
  modalities: string[];
  description: string;
  requesting: Ref;
  urgency: Urgency;
  state: ConsultState;
  submitted_at: string | null;
  /** While the clock runs. */
  due_at: string | null;
  is_overdue: boolean;
  may_assign: boolean;
}

/** What one person has in hand, first what is due first. */
export interface Burden extends OnDuty {
  /** Somebody who no longer reads here may still have cases. */
  is_reader: boolean;
  overdue: number;
  oldest_at: string | null;
  cases: Carried[];
}

/** On call: told what nobody else has answered. */
export type ShiftKind = 'duty' | 'on_call';

/** A planned time of duty, or on call. */
export interface Shift {
  id: string;
  kind: ShiftKind;
  person: Ref;
  from: string;
  until: string;
  has_begun: boolean;
}

export interface Overview {
  people: Burden[];
  unassigned: Carried[];
  to_review: Carried[];
  awaiting_data: Carried[];
  /** The next to turn first. */
  shifts: Shift[];
  /** There are more open consults than these. */
  is_cut: boolean;
}

export type Outcome =
  | 'takes'
  | 'paused'
  | 'modality'
  | 'body_part'
  | 'words'
  | 'kind'
  | 'urgency'
  | 'requesting'
  | 'language'
  | 'nobody'
  | 'subspecialty'
  | 'later';

export interface Trial {
  outcomes: { rule: string; outcome: Outcome }[];
  /** `null` leaves it in the pool. */
  rule: string | null;
  person: Ref | null;
}

export interface Facts {
  modalities: string[];
  body_parts: string[];
  description: string;
  question: string;
  kind: ConsultKind;
  urgency: Urgency;
  requesting: string;
}

export const assignment = {
  rules: () => request<Rules>('GET', '/assignment/rules'),
  put: (rules: Rules) => request<Rules>('PUT', '/assignment/rules', { body: rules }),
  try: (facts: Facts, rules: Rule[]) => request<Trial>('POST', '/assignment/try', { body: { ...facts, rules } }),
  duties: () => request<{ people: OnDuty[]; requesting: Ref[] }>('GET', '/duty'),
  overview: () => request<Overview>('GET', '/duty/overview'),
  planShift: (person: string, shift: Pick<Shift, 'kind' | 'from' | 'until'>) =>
    request<Shift>('POST', `/duty/${encodeURIComponent(person)}/shifts`, { body: shift }),
  cancelShift: (person: string, id: string) => request<undefined>('DELETE', `/duty/${encodeURIComponent(person)}/shifts/${encodeURIComponent(id)}`),
  setDuty: (person: string, duty: Duty) => request<OnDuty>('PUT', `/duty/${encodeURIComponent(person)}`, { body: { duty } }),
};
