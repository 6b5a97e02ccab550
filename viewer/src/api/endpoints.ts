/** One function per endpoint of /api/v1, and the addresses that the browser loads by itself. */
import type { AuditFilter } from '../admin/auditFilter';
import { apiRoot, dicomwebRoot, exists, query, request } from './client';
import type {
  AmendmentNote,
  AuditEvent,
  Candidate,
  Consult,
  ConsultList,
  ConsultRequest,
  CorrectionItem,
  DeviceList,
  DicomJson,
  ForwardRule,
  HiddenStudy,
  KeyPlace,
  LateSeries,
  LevelInstances,
  Me,
  NamingSeries,
  NewCorrection,
  Order,
  OrdersImported,
  OrderState,
  OrderWish,
  Partner,
  PhoneSignature,
  Preferences,
  QualityGrade,
  QueuedJob,
  QueueKind,
  Reason,
  Ref,
  ReportDraft,
  ReportPreview,
  Slide,
  StatisticsBy,
  StatisticsRow,
  StudyDetail,
  StudyList,
  Urgency,
  Verdict,
  WorklistTab,
} from './types';

const segment = encodeURIComponent;

export const session = {
  me: () => request<Me>('GET', '/session', { anonymous: true }),
  logIn: (login: string, password: string, code?: string) =>
    request<Me>('POST', '/session', { body: { login, password, code }, anonymous: true }),
  logOut: () => request<void>('DELETE', '/session', { anonymous: true }),
  preferences: () => request<Preferences>('GET', '/session/preferences'),
  putPreferences: (body: Preferences) => request<Preferences>('PUT', '/session/preferences', { body }),
};

export interface StudyFilter {
  q?: string;
  modality?: string;
  from?: string;
  to?: string;
  limit?: number;
  offset?: number;
  /** Only what one's own organisation owns. */
  own?: 'true';
  /** One's own, those first that came last; without a search. */
  order?: 'received';
}

export const studies = {
  list: (filter: StudyFilter, signal?: AbortSignal) =>
    request<StudyList>('GET', `/studies${query({ ...filter })}`, { signal }),
  get: (org: string, uid: string) => request<StudyDetail>('GET', `/studies/${segment(org)}/${segment(uid)}`),
  /** Whether more of it is coming: a question about it waits. */
  arriving: (org: string, uid: string) => request<{ is_arriving: boolean }>('GET', `/studies/${segment(org)}/${segment(uid)}/arriving`),
  dicomweb: (org: string, uid: string) => `/dicom-web/orgs/${segment(org)}/studies/${segment(uid)}`,
};

export const slides = {
  list: () => request<{ slides: Slide[] }>('GET', '/slides'),
  get: (id: string) => request<Slide>('GET', `/slides/${segment(id)}`),
  /** Which instance each tile of a level is from; `layer` is a query that names a plane, a path and a revision, or empty. */
  instances: (id: string, level: number, layer: string) =>
    request<LevelInstances>('GET', `/slides/${segment(id)}/levels/${level}/instances${layer === '' ? '' : `?${layer}`}`),
  tile: (id: string, level: number, x: number, y: number) =>
    `${apiRoot}/slides/${segment(id)}/tiles/${level}/${x}/${y}`,
  /** All of it within so many pixels, made by the server. */
  picture: (id: string, width: number, height: number) => `/iiif/3/${segment(id)}/full/!${width},${height}/0/default.jpg`,
  /** Whether its colours come with an ICC profile. */
  hasProfile: (id: string) => exists(`/slides/${segment(id)}/icc`),
  /** What was sent in, with its label. */
  original: (id: string) => `${apiRoot}/slides/${segment(id)}/original`,
  associated: (id: string, which: 'label' | 'overview' | 'thumbnail') =>
    `${apiRoot}/slides/${segment(id)}/associated/${which}`,
};

export interface WorklistFilter {
  tab: WorklistTab;
  q?: string;
  modality?: string;
  urgency?: Urgency;
  /** `next` of the page before. */
  cursor?: string;
  limit?: number;
}

/** Actions that need nothing but the version they were decided on. */
export type PlainAction = 'submit' | 'accept' | 'claim' | 'release' | 'acknowledge' | 'abandon' | 'accept_images';
/** Actions with words: why, what is wanted, a question, an answer. */
export type ReasonedAction =
  | 'reject'
  | 'cancel'
  | 'return'
  | 'take_over'
  | 'request_data'
  | 'resume'
  | 'decline'
  | 'ask_back'
  | 'answer'
  | 'respond'
  | 'record_decision';

function stepAddress(id: string, action: PlainAction | ReasonedAction): string {
  return `/consults/${segment(id)}/${action.replaceAll('_', '-')}`;
}

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
  /** Sent again with the same `once`, no second draft is made. */
  create: (body: ConsultRequest, once: string) => request<Consult>('POST', '/consults', { body: { ...body, once } }),
  edit: (id: string, version: number, body: ConsultRequest) =>
    request<Consult>('PUT', `/consults/${segment(id)}`, { body: { ...body, version } }),
  act: (id: string, action: PlainAction, version: number) =>
    request<Consult>('POST', stepAddress(id, action), { body: { version } }),
  actWithReason: (id: string, action: ReasonedAction, version: number, reason: string) =>
    request<Consult>('POST', stepAddress(id, action), { body: { version, reason } }),
  candidates: (id: string) => request<{ candidates: Candidate[] }>('GET', `/consults/${segment(id)}/candidates`),
  assign: (id: string, version: number, person: string, reason: string) =>
    request<Consult>('POST', `/consults/${segment(id)}/assign`, { body: { version, person, reason } }),
  amend: (id: string, version: number, note: AmendmentNote) =>
    request<Consult>('POST', `/consults/${segment(id)}/amend`, { body: { version, ...note } }),
  attachment: (id: string, sha256: string) => `${apiRoot}/consults/${segment(id)}/attachments/${segment(sha256)}`,
  attach: (id: string, version: number, file: File) =>
    request<Consult>('POST', `/consults/${segment(id)}/attachments${query({ version, name: file.name })}`, {
      file,
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
  detach: (id: string, version: number, sha256: string) =>
    request<Consult>('DELETE', `/consults/${segment(id)}/attachments/${segment(sha256)}${query({ version })}`),
  grade: (id: string, version: number, grade: QualityGrade, comment: string) =>
    request<Consult>('POST', `/consults/${segment(id)}/grade`, { body: { version, grade, comment } }),
  /** What arrived after the question was sent. */
  lateImages: (id: string) => request<{ series: LateSeries[] }>('GET', `/consults/${segment(id)}/late-images`),
  /** Holds the case for longer. Refused once it is not ours any more. */
  renewLease: (id: string) => request<{ until: string }>('POST', `/consults/${segment(id)}/lease`),
  saveReport: (id: string, version: number, report: ReportDraft) =>
    request<Consult>('PUT', `/consults/${segment(id)}/report`, { body: { version, report } }),
  picture: (id: string, sha256: string) => `${apiRoot}/consults/${segment(id)}/report/pictures/${segment(sha256)}`,
  /** The page of what is saved, marked as a draft. */
  draftPdf: (id: string) => `${apiRoot}/consults/${segment(id)}/report/draft.pdf`,
  preview: (id: string, key: KeyPlace) => request<ReportPreview>('GET', `/consults/${segment(id)}/report/preview${query({ key })}`),
  sign: (id: string, as: 'sign' | 'review', signing: Signing) =>
    request<Consult>('POST', `/consults/${segment(id)}/${as}`, { body: signing }),
  phoneSignature: (id: string) => request<{ signature: PhoneSignature | null }>('GET', `/consults/${segment(id)}/phone-signature`),
  /** The signer's telephone is asked; what comes of it is looked for. */
  askPhone: (id: string, as: 'sign' | 'review', version: number, canonical_sha256: string) =>
    request<PhoneSignature>('POST', `/consults/${segment(id)}/phone-signature`, { body: { as, version, canonical_sha256 } }),
  cancelPhone: (id: string) => request<PhoneSignature>('DELETE', `/consults/${segment(id)}/phone-signature`),
  verdict: (id: string) => request<Verdict>('GET', `/consults/${segment(id)}/verify`),
  file: (
    id: string,
    name:
      | 'report.pdf'
      | 'report.json'
      | 'report.p7s'
      | 'chain.pem'
      | 'report-sr.dcm'
      | 'report-pdf.dcm'
      | 'report-kos.dcm'
      | 'report.fhir.json',
    options: { v?: number; signer?: 'reviewer' } = {},
  ) => `${apiRoot}/consults/${segment(id)}/${name}${query(options)}`,
};

export interface StatisticsFilter {
  by: StatisticsBy;
  /** RFC 3339. */
  from: string;
  until: string;
  /** Of all organisations of the node, or of one of them, instead of one's own. */
  alliance?: 'true';
  organisation?: string;
}

export const statistics = {
  /** Whose numbers may be chosen besides one's own: nobody's, mostly. */
  alliance: () => request<{ organisations: Ref[] }>('GET', '/statistics/alliance'),
  rows: (filter: StatisticsFilter) => request<{ rows: StatisticsRow[] }>('GET', `/statistics${query({ ...filter })}`),
  csv: (filter: StatisticsFilter) => `${apiRoot}/statistics.csv${query({ ...filter })}`,
};

/** Checks a report that is in the visitor's hands; needs no login. */
export function verifyFiles(report: File, signatures: readonly File[]): Promise<Verdict> {
  const form = new FormData();
  form.append('report', report);
  signatures.forEach((signature) => form.append('signature', signature));
  return request<Verdict>('POST', '/verify', { form, anonymous: true });
}

export const audit = {
  list: (filter: AuditFilter & { limit: number; before?: number }) =>
    request<{ events: AuditEvent[] }>('GET', `/audit${query({ ...filter })}`),
  csv: (filter: AuditFilter) => `${apiRoot}/audit.csv${query({ ...filter })}`,
};

export const devices = {
  list: () => request<DeviceList>('GET', '/devices'),
  echo: (title: string) => request<{ took_ms: number }>('POST', `/remotes/${segment(title)}/echo`),
};

export const forwarding = {
  queue: (kind: QueueKind, limit: number) => request<{ jobs: QueuedJob[] }>('GET', `/forwarding${query({ kind, limit })}`),
  retry: (kind: QueueKind, id?: number) => request<void>('POST', '/forwarding/retry', { body: { kind, id } }),
  remove: (kind: QueueKind, id: number) => request<void>('DELETE', `/forwarding/${id}${query({ kind })}`),
  rules: () => request<{ rules: ForwardRule[] }>('GET', '/forwarding/rules'),
  putRule: ({ id, ...rule }: ForwardRule) => request<void>('PUT', `/forwarding/rules/${segment(id)}`, { body: rule }),
  removeRule: (id: string) => request<void>('DELETE', `/forwarding/rules/${segment(id)}`),
};

export interface OrderFilter {
  state?: OrderState;
  from?: string;
  to?: string;
  limit?: number;
}

/** What a modality asks its worklist for. */
export interface WorklistKeys {
  modality?: string;
  station_ae_title?: string;
  date?: string;
}

export const orders = {
  list: (filter: OrderFilter) => request<{ orders: Order[]; more: boolean }>('GET', `/orders${query({ ...filter })}`),
  place: (wish: OrderWish) => request<Order>('POST', '/orders', { body: wish }),
  importFile: (file: File) =>
    request<OrdersImported>('POST', '/orders/import', { file, headers: { 'Content-Type': 'application/octet-stream' } }),
  cancel: (id: string) => request<Order>('DELETE', `/orders/${segment(id)}`),
  worklist: (keys: WorklistKeys) => request<{ rows: DicomJson[]; more: boolean }>('GET', `/worklist${query({ ...keys })}`),
};

/** What may be deleted: a study, one series, or one instance. */
export interface DeletionTarget {
  study: string;
  series?: string;
  instance?: string;
}

export const corrections = {
  list: (study: string | undefined, limit: number) =>
    request<{ corrections: CorrectionItem[] }>('GET', `/corrections${query({ study, limit })}`),
  make: (correction: NewCorrection, reason: Reason) =>
    request<CorrectionItem>('POST', '/corrections', { body: { correction, reason } }),
  undo: (id: string, reason: Reason) => request<CorrectionItem>('POST', `/corrections/${segment(id)}/undo`, { body: reason }),
  hidden: (study?: string) => request<{ studies: HiddenStudy[] }>('GET', `/hidden${query({ study })}`),
  naming: (study: string) => request<{ series: NamingSeries[] }>('GET', `/studies/${segment(study)}/identity-in-content`),
  /** For good: rows and bytes. */
  delete: ({ study, series, instance }: DeletionTarget, reason: Reason) => {
    const below = [series === undefined ? '' : `/series/${segment(series)}`, instance === undefined ? '' : `/instances/${segment(instance)}`];
    return request<void>('DELETE', `/studies/${segment(study)}${below.join('')}${query({ code: reason.code })}`, {
      root: dicomwebRoot,
      headers: { 'Farsight-Reason': encodeURIComponent(reason.text) },
    });
  },
};

const asDicomJson = { headers: { Accept: 'application/dicom+json' } };

/** What DICOMweb knows that the lists for people do not say. */
export const dicomweb = {
  /** Patient and study attributes of one study. */
  study: async (org: string, uid: string): Promise<DicomJson | undefined> => {
    const path = `/orgs/${segment(org)}/studies${query({ StudyInstanceUID: uid, includefield: 'all' })}`;
    return (await request<DicomJson[] | undefined>('GET', path, { root: dicomwebRoot, ...asDicomJson }))?.[0];
  },
  /** Instances of a series, in order. */
  instances: async (org: string, study: string, series: string, limit: number): Promise<DicomJson[]> => {
    const path = `/orgs/${segment(org)}/studies/${segment(study)}/series/${segment(series)}/instances${query({ limit, offset: 0 })}`;
    return (await request<DicomJson[] | undefined>('GET', path, { root: dicomwebRoot, ...asDicomJson })) ?? [];
  },
  thumbnail: (org: string, study: string, series: string, instance: string) =>
    `${dicomwebRoot}/orgs/${segment(org)}/studies/${segment(study)}/series/${segment(series)}/instances/${segment(instance)}/thumbnail?viewport=96,96`,
};
