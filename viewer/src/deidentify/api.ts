/** De-identified exports: projects, what an export would hold, asking for one. */
import { request } from '../api/client';

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

const root = '/deidentification/projects';
const at = encodeURIComponent;

export const deidentification = {
  projects: () => request<{ projects: Project[] }>('GET', root),
  create: (body: Pick<Project, 'name' | 'options'>) => request<Project>('POST', root, { body }),
  close: (id: string) => request<Project>('POST', `${root}/${at(id)}/close`),
  survey: (id: string, studies: string[]) => request<{ studies: Survey[] }>('POST', `${root}/${at(id)}/survey`, { body: { studies } }),
  ask: (id: string, body: ExportWish) => request<{ id: string; url: string; until: string }>('POST', `${root}/${at(id)}/exports`, { body }),
};

export const projectKeys = ['deidentification-projects'] as const;
