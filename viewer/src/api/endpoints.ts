/** One function per endpoint of /api/v1, and the addresses that the browser loads by itself. */
import { apiRoot, query, request } from './client';
import type {
  AuditEvent,
  Consult,
  ConsultList,
  ConsultRequest,
  Me,
  Partner,
  ReportDraft,
  ReportPreview,
  Slide,
  StudyDetail,
  StudyList,
  Verdict,
  WorklistTab,
} from './types';

const segment = encodeURIComponent;

export const session = {
  me: () => request<Me>('GET', '/session', { anonymous: true }),
  logIn: (login: string, password: string) =>
    request<Me>('POST', '/session', { body: { login, password }, anonymous: true }),
  logOut: () => request<void>('DELETE', '/session', { anonymous: true }),
};

export interface StudyFilter {
  q?: string;
  modality?: string;
  from?: string;
  to?: string;
  limit?: number;
  offset?: number;
}

export const studies = {
  list: (filter: StudyFilter, signal?: AbortSignal) =>
    request<StudyList>('GET', `/studies${query({ ...filter })}`, { signal }),
  get: (org: string, uid: string) => request<StudyDetail>('GET', `/studies/${segment(org)}/${segment(uid)}`),
  dicomweb: (org: string, uid: string) => `/dicom-web/orgs/${segment(org)}/studies/${segment(uid)}`,
};

export const slides = {
  list: () => request<{ slides: Slide[] }>('GET', '/slides'),
  get: (id: string) => request<Slide>('GET', `/slides/${segment(id)}`),
  tile: (id: string, level: number, x: number, y: number) =>
    `${apiRoot}/slides/${segment(id)}/tiles/${level}/${x}/${y}`,
  associated: (id: string, which: 'label' | 'overview' | 'thumbnail') =>
    `${apiRoot}/slides/${segment(id)}/associated/${which}`,
};

export interface WorklistFilter {
  tab: WorklistTab;
  q?: string;
  limit?: number;
  offset?: number;
}

/** Actions that need nothing but the version they were decided on. */
export type PlainAction = 'submit' | 'accept' | 'claim' | 'release' | 'acknowledge';
export type ReasonedAction = 'reject' | 'cancel' | 'return';

export interface Signing {
  version: number;
  canonical_sha256: string;
  passphrase: string;
}

export const consults = {
  list: (filter: WorklistFilter, signal?: AbortSignal) =>
    request<ConsultList>('GET', `/consults${query({ ...filter })}`, { signal }),
  get: (id: string) => request<Consult>('GET', `/consults/${segment(id)}`),
  partners: () => request<{ partners: Partner[] }>('GET', '/partners'),
  create: (body: ConsultRequest) => request<Consult>('POST', '/consults', { body }),
  edit: (id: string, version: number, body: ConsultRequest) =>
    request<Consult>('PUT', `/consults/${segment(id)}`, { body: { ...body, version } }),
  act: (id: string, action: PlainAction, version: number) =>
    request<Consult>('POST', `/consults/${segment(id)}/${action}`, { body: { version } }),
  actWithReason: (id: string, action: ReasonedAction, version: number, reason: string) =>
    request<Consult>('POST', `/consults/${segment(id)}/${action}`, { body: { version, reason } }),
  saveReport: (id: string, version: number, report: ReportDraft) =>
    request<Consult>('PUT', `/consults/${segment(id)}/report`, { body: { version, report } }),
  preview: (id: string) => request<ReportPreview>('GET', `/consults/${segment(id)}/report/preview`),
  sign: (id: string, as: 'sign' | 'review', signing: Signing) =>
    request<Consult>('POST', `/consults/${segment(id)}/${as}`, { body: signing }),
  verdict: (id: string) => request<Verdict>('GET', `/consults/${segment(id)}/verify`),
  file: (
    id: string,
    name: 'report.pdf' | 'report.json' | 'report.p7s' | 'chain.pem',
    options: { v?: number; signer?: 'reviewer' } = {},
  ) => `${apiRoot}/consults/${segment(id)}/${name}${query(options)}`,
};

/** Checks a report that is in the visitor's hands; needs no login. */
export function verifyFiles(report: File, signatures: readonly File[]): Promise<Verdict> {
  const form = new FormData();
  form.append('report', report);
  signatures.forEach((signature) => form.append('signature', signature));
  return request<Verdict>('POST', '/verify', { form, anonymous: true });
}

export const audit = {
  list: (limit: number, before?: number) =>
    request<{ events: AuditEvent[] }>('GET', `/audit${query({ limit, before })}`),
};
