/** Rules of assignment and duty, as the server speaks of them. */
import { request } from '../api/client';
import type { ConsultKind, Ref, Urgency } from '../api/types';

export const languages = ['zh', 'bo', 'ug', 'mn', 'en'] as const;
export type Language = (typeof languages)[number];
export type Duty = 'on' | 'off';
export type Target = { who: 'people'; people: string[] } | { who: 'anyone' } | { who: 'pool' };

/** An empty list asks nothing. */
export interface Rule {
  name: string;
  modalities: string[];
  words: string[];
  kinds: ConsultKind[];
  urgencies: Urgency[];
  requesting: string[];
  languages: Language[];
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
  duty: Duty;
  load: number;
}

export type Outcome = 'takes' | 'paused' | 'modality' | 'words' | 'kind' | 'urgency' | 'requesting' | 'language' | 'nobody' | 'later';

export interface Trial {
  outcomes: { rule: string; outcome: Outcome }[];
  /** `null` leaves it in the pool. */
  rule: string | null;
  person: Ref | null;
}

export interface Facts {
  modalities: string[];
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
  setDuty: (person: string, duty: Duty) => request<OnDuty>('PUT', `/duty/${encodeURIComponent(person)}`, { body: { duty } }),
};
