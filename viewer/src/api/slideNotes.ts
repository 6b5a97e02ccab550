/** What people leave on slides: annotations, bookmarks, what they have seen. Shapes and calls of /api/v1/slides/{id}/… */
import { apiRoot, query, request } from './client';
import type { Ref } from './types';

const segment = encodeURIComponent;

export const noteKinds = ['rectangle', 'ellipse', 'polygon', 'line', 'point'] as const;
export type NoteKind = (typeof noteKinds)[number];

export const noteClasses = ['attention', 'tumour', 'invasion', 'mitosis', 'necrosis', 'inflammation', 'margin', 'normal', 'artefact'] as const;
export type NoteClass = (typeof noteClasses)[number];

/** `[x, y]` in pixels of level 0. */
export type NotePoint = readonly [number, number];

export interface NoteDraft {
  kind: NoteKind;
  points: NotePoint[];
  class: NoteClass;
  /** `#rrggbb`; `null`: the class's. */
  colour: string | null;
  text: string;
}

export interface NoteAuthor {
  id: string;
  name: string;
  organisation: Ref;
  on_behalf: { id: string; number: string; organisation: Ref } | null;
}

export interface Annotation extends NoteDraft {
  id: string;
  version: number;
  colour: string;
  author: NoteAuthor;
  own: boolean;
  created_at: string;
  changed_at: string;
}

export interface BookmarkView {
  x: number;
  y: number;
  zoom: number;
  rotation_deg: number;
  mirrored: boolean;
  screen_width: number;
  screen_height: number;
  z?: string;
  path?: string;
  channels?: string;
}

export interface Bookmark {
  id: string;
  version: number;
  name: string;
  view: BookmarkView;
  picture: { sha256: string; width: number; height: number; level: number; sop_instance_uid: string };
  author: NoteAuthor;
  own: boolean;
  created_at: string;
}

export interface SlideSeen {
  first_at: string | null;
  last_at: string | null;
  openings: number;
  grid: { cell_px: number; columns: number; rows: number };
  /** The largest magnification first. */
  steps: { downsample: number; cells: string; share: number }[];
}

export interface ImportedAnnotations {
  annotations: Annotation[];
  refused: { position: number; why: string }[];
}

const at = (slide: string, rest: string) => `/slides/${segment(slide)}/${rest}`;
const onVersion = (version: number) => ({ 'If-Match': `"${version}"` });

export const slideNotes = {
  list: async (slide: string) => (await request<{ annotations: Annotation[] }>('GET', at(slide, 'annotations'))).annotations,
  draw: (slide: string, draft: NoteDraft, consult: string | null) => request<Annotation>('POST', at(slide, 'annotations'), { body: { ...draft, consult } }),
  change: (slide: string, id: string, version: number, draft: NoteDraft) =>
    request<Annotation>('PUT', at(slide, `annotations/${segment(id)}`), { body: draft, headers: onVersion(version) }),
  remove: (slide: string, id: string, version: number) =>
    request<void>('DELETE', at(slide, `annotations/${segment(id)}`), { headers: onVersion(version) }),
  importGeoJson: (slide: string, file: Blob, consult: string | null) =>
    request<ImportedAnnotations>('POST', at(slide, `annotations.geojson${query({ consult: consult ?? undefined })}`), {
      file,
      headers: { 'Content-Type': 'application/geo+json' },
    }),
  download: (slide: string, form: 'geojson' | 'dcm') => apiRoot + at(slide, `annotations.${form}`),
};

export const bookmarks = {
  list: async (slide: string) => (await request<{ bookmarks: Bookmark[] }>('GET', at(slide, 'bookmarks'))).bookmarks,
  make: (slide: string, name: string, view: BookmarkView, consult: string | null) =>
    request<Bookmark>('POST', at(slide, 'bookmarks'), { body: { name, view, consult } }),
  rename: (slide: string, id: string, version: number, name: string) =>
    request<Bookmark>('PUT', at(slide, `bookmarks/${segment(id)}`), { body: { name }, headers: onVersion(version) }),
  remove: (slide: string, id: string, version: number) =>
    request<void>('DELETE', at(slide, `bookmarks/${segment(id)}`), { headers: onVersion(version) }),
  picture: (slide: string, id: string) => apiRoot + at(slide, `bookmarks/${segment(id)}/picture`),
};

export const seen = {
  get: (slide: string) => request<SlideSeen>('GET', at(slide, 'coverage')),
  open: (slide: string) => request<SlideSeen>('POST', at(slide, 'seen'), { body: {} }),
  /** Also goes out when the page is being left. */
  cover: (slide: string, steps: string[]) => request<SlideSeen>('POST', at(slide, 'coverage'), { body: { steps }, keepalive: true }),
};
