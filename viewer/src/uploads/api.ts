/** The server's side of uploads in pieces, of slides that wait for their patient, and of watched folders. */
import { request } from '../api/client';
import type { Me } from '../api/types';

export const resumable = '/api/v1/uploads/resumable';

/** Who the page takes itself to be logged in as, by the session's id; the server refuses to go on as somebody else. */
export const personHeader = 'X-Farsight-Person';

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

/** What a person has said of whose a file is; `unknown` when they have said that nobody knows yet. */
export interface Whose {
  of: Particulars;
  unknown?: true;
}

export type RefusalWhy =
  | 'not_a_slide'
  | 'unsupported'
  | 'damaged'
  | 'incomplete'
  | 'over_limit'
  | 'changed'
  | 'checksum'
  | 'not_dicom'
  | 'conflict'
  | 'no_room'
  | 'unreadable'
  | 'busy'
  | 'gave_up'
  | 'unavailable'
  | 'internal';

export interface Refusal {
  why: RefusalWhy;
  detail: string;
}

/** `contradicted`: it was there already, as another patient's than the one who was given. */
export type UploadOutcome = 'imported' | 'already_there' | 'contradicted' | 'stored' | 'kept_apart';

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
  outcome: UploadOutcome | null;
  created_at: string;
}

/** An instance that the own organisation holds. */
export interface HeldInstance {
  sop_instance_uid: string;
  /** Of the data set, without the file meta information in front of it. */
  sha256: string;
  series_instance_uid: string;
  study_instance_uid: string;
}

export interface UnidentifiedSlide {
  slide_id: string;
  study_instance_uid: string;
  source: string;
  standing: 'unknown' | 'doubtful';
  of: Particulars;
  doubts: { field: keyof Particulars; said: ['person' | 'barcode' | 'file_name' | 'recorded', string][] }[];
  barcodes: string[];
  imported_at: string;
}

export interface WatchedFolder {
  folder: string;
  state: 'ok' | 'unreachable';
  since: string;
  looked_at: string;
  imported: number;
  files: { name: string; state: 'importing' | 'imported' | 'already_there' | 'contradicted' | 'waiting' | 'refused'; refusal: Refusal | null; slide_id: string | null; at: string }[];
}

const tus = { 'Tus-Resumable': '1.0.0' };
const path = (id: string) => `/uploads/resumable/${encodeURIComponent(id)}`;

export const uploadsApi = {
  /** Whom the session is of now; a lapsed one is renewed first. */
  whoIsIn: () => request<Me>('GET', '/session'),
  list: () => request<{ uploads: UploadInfo[] }>('GET', '/uploads/resumable'),
  get: (id: string) => request<UploadInfo>('GET', path(id)),
  finish: (id: string, sha256: string, whose: Whose, person: string) =>
    request<UploadInfo>('POST', `${path(id)}/finish`, { body: { sha256, ...whose }, headers: { [personHeader]: person } }),
  remove: (id: string) => request<void>('DELETE', path(id), { headers: tus }),
  names: (names: string[]) => request<{ found: Particulars[] }>('POST', '/uploads/names', { body: { names } }),
  held: (instances: string[]) => request<{ held: HeldInstance[] }>('POST', '/uploads/held', { body: { instances } }),
  unidentified: () => request<{ slides: UnidentifiedSlide[] }>('GET', '/unidentified-slides'),
  identify: (slide: string, of: Particulars) =>
    request<UnidentifiedSlide>('PUT', `/slides/${encodeURIComponent(slide)}/identity`, { body: { of } }),
  watched: () => request<{ folders: WatchedFolder[] }>('GET', '/watched-folders'),
};
