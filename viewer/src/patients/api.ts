/** Patients across hospitals, as the server speaks of them. */
import { query, request } from '../api/client';
import type { Ref } from '../api/types';

export interface PatientNumber {
  kind: 'citizen' | 'issued' | 'local';
  issuer: string;
  value: string;
}

export interface Identity {
  id: string;
  organisation: Ref;
  patient_id: string;
  issuer: string;
  patient_name: string;
  latin_name: string;
  patient_sex: string;
  patient_birth_date: string;
  numbers: PatientNumber[];
  studies: number;
  last_study_date: string;
}

export interface PatientLink {
  one: string;
  other: string;
  by: 'rule' | 'person';
  last_act: number;
}

export interface Person {
  identities: Identity[];
  links: PatientLink[];
}

export interface PersonStudy {
  organisation: Ref;
  study_instance_uid: string;
  identity: string;
  study_date: string;
  description: string;
  accession_number: string;
  modalities: string[];
}

export const signNames = [
  'citizen_number',
  'identifier',
  'name',
  'name_pinyin',
  'birth_date',
  'sex',
  'other_name',
  'other_birth_date',
  'other_sex',
] as const;
export type Sign = (typeof signNames)[number];
export type Verdict = 'same' | 'different';

export interface Pair {
  one: Identity;
  other: Identity;
  signs: Sign[];
  state: '' | 'open' | 'linked' | 'apart';
  is_decided: boolean;
  last_act: number;
}

export interface Decision {
  act: number;
  kind: 'linked' | 'apart' | 'undone';
  by_name: string | null;
  organisation: Ref | null;
  reason: string;
  at: string;
  can_undo: boolean;
  pair: Pair;
}

export const patients = {
  list: (q: string) => request<{ patients: Person[]; more: boolean }>('GET', `/patients${query({ q })}`),
  get: (id: string) => request<Person & { studies: PersonStudy[] }>('GET', `/patients/${id}`),
  pairs: () => request<{ pairs: Pair[]; more: boolean }>('GET', '/patient-pairs'),
  pair: (one: string, other: string) => request<Pair>('GET', `/patient-pairs/${one}/${other}`),
  decide: (pair: Pair, verdict: Verdict, reason: string) =>
    request<Pair>('POST', '/patient-decisions', { body: { one: pair.one.id, other: pair.other.id, verdict, seen: pair.last_act, reason } }),
  decisions: () => request<{ decisions: Decision[] }>('GET', '/patient-decisions'),
  undo: (act: number) => request<void>('POST', `/patient-decisions/${String(act)}/undo`, { body: {} }),
};
