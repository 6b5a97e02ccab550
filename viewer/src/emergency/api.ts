/** Emergency access, as the server speaks of it. */
import { request } from '../api/client';
import type { Ref } from '../api/types';

export type NamedBy = 'patient_id' | 'accession';

export interface Asking {
  organisation: string;
  by: NamedBy;
  number: string;
  reason: string;
}

export interface Opened {
  id: string;
  organisation: string;
  studies: { study_instance_uid: string; study_date: string; description: string }[];
  until: string;
}

export interface EmergencyItem {
  id: string;
  person_name: string;
  organisation: Ref;
  owner: Ref;
  studies: string[];
  reason: string;
  begun_at: string;
  until: string;
  is_ended: boolean;
  verdict: 'justified' | 'unjustified' | null;
  note: string | null;
  reviewed_by: string | null;
  reviewed_at: string | null;
}

export const emergency = {
  hospitals: () => request<{ organisations: Ref[] }>('GET', '/emergency/hospitals'),
  open: (asking: Asking) => request<Opened>('POST', '/emergency', { body: asking }),
  mine: () => request<{ accesses: EmergencyItem[] }>('GET', '/emergency/mine'),
  list: () => request<{ accesses: EmergencyItem[] }>('GET', '/emergency'),
  setting: () => request<{ is_allowed: boolean }>('GET', '/emergency/setting'),
  set: (is_allowed: boolean) => request<{ is_allowed: boolean }>('PUT', '/emergency/setting', { body: { is_allowed } }),
  review: (id: string, is_justified: boolean, note: string) => request<EmergencyItem>('POST', `/emergency/${id}/review`, { body: { is_justified, note } }),
};
