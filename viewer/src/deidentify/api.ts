/** De-identified exports and collections: projects, what would go out, asking for an export, what lies in which collection. */
import { query, request } from '../api/client';
import type { Ref } from '../api/types';

export const profileOptions = [
  'retain_patient_characteristics',
  'retain_modified_dates',
  'retain_full_dates',
  'clean_descriptors',
  'retain_device_identity',
  'retain_institution_identity',
  'retain_uids',
] as const;
export type ProfileOption = (typeof profileOptions)[number];

export const purposes = ['teaching', 'research', 'quality', 'other'] as const;
export type Purpose = (typeof purposes)[number];

export interface Project {
  id: string;
  name: string;
  options: ProfileOption[];
  made_by: string;
  made_by_name: string | null;
  made_at: string;
  is_closed: boolean;
}

export interface Survey {
  study: string;
  pseudonym: string;
  instances: number;
  bytes: number;
  unsaid: number;
  likely_burned_in: number;
  burned_in: number;
  labels: number;
  documents: number;
}

export interface ExportWish {
  studies: string[];
  with_risky: boolean;
  purpose: Purpose;
  reason: string;
}

export type PlacementState = 'waiting' | 'putting' | 'there' | 'failed' | 'taking_out';
export type LeftOut = 'burned_in' | 'likely_burned_in' | 'label' | 'document' | 'not_readable';

/** A study in a collection. */
export interface Placement {
  id: string;
  collection: Ref;
  project: string;
  project_name: string;
  /** Nobody knows any more once the project is closed. */
  study: { study_instance_uid: string; patient_name: string; study_date: string; description: string } | null;
  pseudonym: string;
  purpose: Purpose;
  at: string;
  state: PlacementState;
  why: '' | 'nothing_goes' | 'gone' | 'not_readable' | 'patient_changed' | 'project_closed' | 'no_room';
  instances: number;
  of: number;
  left_out: Partial<Record<LeftOut, number>>;
}

/** Whether something is being done to it. */
export const isBusy = ({ state }: Pick<Placement, 'state'>) => state === 'waiting' || state === 'putting' || state === 'taking_out';

const placed = '/deidentification/placements';
const root = '/deidentification/projects';
const at = encodeURIComponent;

export const deidentification = {
  projects: () => request<{ projects: Project[] }>('GET', root),
  create: (body: Pick<Project, 'name' | 'options'>) => request<Project>('POST', root, { body }),
  close: (id: string) => request<Project>('POST', `${root}/${at(id)}/close`),
  survey: (id: string, studies: string[]) => request<{ studies: Survey[] }>('POST', `${root}/${at(id)}/survey`, { body: { studies } }),
  ask: (id: string, body: ExportWish) => request<{ id: string; url: string; until: string }>('POST', `${root}/${at(id)}/exports`, { body }),
  collections: () => request<{ collections: Ref[] }>('GET', '/deidentification/collections'),
  put: (id: string, body: ExportWish & { collection: string }) => request<{ placements: Placement[] }>('POST', `${root}/${at(id)}/placements`, { body }),
  placements: (filter: { collection?: string; limit: number }) =>
    request<{ placements: Placement[]; more: boolean }>('GET', `${placed}${query({ collection: filter.collection, limit: filter.limit })}`),
  takeOut: (id: string) => request<Placement>('DELETE', `${placed}/${at(id)}`),
};

export const collectionKeys = ['deidentification-collections'] as const;
export const placementKeys = ['deidentification-placements'] as const;
export const projectKeys = ['deidentification-projects'] as const;
