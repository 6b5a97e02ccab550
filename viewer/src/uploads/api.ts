/** The server's side of uploads in pieces, of slides that wait for their patient, and of watched folders. */
import { request } from '../api/client';

export const resumable = '/api/v1/uploads/resumable';

/** Who a slide is of; a field that is missing is not said. */
export interface Particulars {
  patient_name?: string;
  patient_id?: string;
  patient_birth_date?: string;
  patient_sex?: string;
  accession_number?: string;
  specimen_id?: string;
  container_id?: string;
  block?: string;
  stain?: string;
}

export type RefusalWhy =
  | 'not_a_slide'
  | 'unsupported'
  | 'damaged'
  | 'over_limit'
  | 'changed'
  | 'checksum'
  | 'not_dicom'
  | 'conflict'
  | 'no_room'
  | 'unreadable'
  | 'gave_up'
  | 'unavailable'
  | 'internal';

export interface Refusal {
  why: RefusalWhy;
  detail: string;
}

export type ServerState = 'receiving' | 'checking' | 'importing' | 'waiting' | 'ready' | 'refused';

export interface UploadInfo {
  id: string;
  name: string;
  bytes: number;
  offset: number;
  fingerprint: string;
  state: ServerState;
  percent: number;
  refusal: Refusal | null;
  slide_id: string | null;
  study_instance_uid: string | null;
  outcome: 'imported' | 'already_there' | 'stored' | 'kept_apart' | null;
  created_at: string;
}

export interface UnidentifiedSlide {
  slide_id: string;
  study_instance_uid: string;
  source: string;
  standing: 'unknown' | 'doubtful';
  of: Particulars;
  doubts: { field: keyof Particulars; said: ['person' | 'barcode' | 'file_name', string][] }[];
  barcodes: string[];
  imported_at: string;
}

export interface WatchedFolder {
  folder: string;
  state: 'ok' | 'unreachable';
  since: string;
  looked_at: string;
  imported: number;
  files: { name: string; state: 'importing' | 'imported' | 'already_there' | 'waiting' | 'refused'; refusal: Refusal | null; slide_id: string | null; at: string }[];
}

const tus = { 'Tus-Resumable': '1.0.0' };
const path = (id: string) => `/uploads/resumable/${encodeURIComponent(id)}`;

export const uploadsApi = {
  list: () => request<{ uploads: UploadInfo[] }>('GET', '/uploads/resumable'),
  get: (id: string) => request<UploadInfo>('GET', path(id)),
  finish: (id: string, sha256: string, of: Particulars) =>
    request<UploadInfo>('POST', `${path(id)}/finish`, { body: { sha256, of } }),
  remove: (id: string) => request<void>('DELETE', path(id), { headers: tus }),
  names: (names: string[]) => request<{ found: Particulars[] }>('POST', '/uploads/names', { body: { names } }),
  unidentified: () => request<{ slides: UnidentifiedSlide[] }>('GET', '/unidentified-slides'),
  identify: (slide: string, of: Particulars) =>
    request<UnidentifiedSlide>('PUT', `/slides/${encodeURIComponent(slide)}/identity`, { body: { of } }),
  watched: () => request<{ folders: WatchedFolder[] }>('GET', '/watched-folders'),
};
