/**
 * The shapes of /api/v1 as the server speaks them. Hand-written from the contract; nothing but this file
 * has to change when types generated from the OpenAPI take its place.
 * Times are RFC 3339 UTC strings, DICOM dates stay `YYYYMMDD`.
 */
import type { ComparedReport, Structured } from '../templates/api';
import type { Values } from '../templates/fill';
import type { Comparison, FirstReport } from '../second/api';

export interface Ref {
  id: string;
  name: string;
}

export type Role =
  | 'requester'
  | 'reader'
  | 'reviewer'
  | 'coordinator'
  | 'administrator'
  | 'security_officer'
  | 'archivist'
  | 'auditor'
  | 'quality_control'
  | 'regulator'
  | 'learner'
  | 'uploader';

export interface Me {
  person: { id: string; login: string; name: string; title: string };
  organisation: Ref & { kind: 'hospital' | 'centre' | 'collection' };
  roles: Role[];
  can_sign: boolean;
  /** Whether a remote signing service asks their telephone. */
  can_sign_by_phone: boolean;
  /** Whether the certificate of a key in their own hands is registered. */
  can_sign_with_own_key: boolean;
  /** Whether the viewer OHIF is at /ohif. */
  has_ohif: boolean;
  /** For whom they may act, when there is a choice. */
  organisations: Ref[];
  /** Nothing but enrolling a second factor is open to them. */
  must_enrol_second_factor: boolean;
}

export interface Study {
  study_instance_uid: string;
  organisation: Ref;
  own: boolean;
  patient_name: string;
  patient_id: string;
  /** Issuer of Patient ID; empty without one. */
  patient_id_issuer: string;
  patient_sex: string;
  patient_birth_date: string;
  /** DICOM AS, such as `058Y`; empty when unknown. */
  patient_age: string;
  study_date: string;
  study_time: string;
  description: string;
  accession_number: string;
  modalities: string[];
  series_count: number;
  instance_count: number;
  received_at: string;
  slide_ids: string[];
  /** The name is a pseudonym. */
  is_deidentified: boolean;
  flags: string[];
}

export interface Series {
  series_instance_uid: string;
  modality: string;
  number: number | null;
  description: string;
  instance_count: number;
  body_part: string;
  is_image: boolean;
  /** In a case: whoever asked has left it out of the question. */
  left_out?: boolean;
}

export interface StudyDetail extends Study {
  series: Series[];
}

export interface StudyList {
  studies: Study[];
  more: boolean;
  /** Only so many of the newest studies were looked at; older ones may match, too. */
  looked_at: number | null;
}

export type UploadOutcome = 'stored' | 'already_there' | 'kept_apart';

export interface Uploaded {
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  outcome: UploadOutcome;
}

export type Grade = 'A' | 'B' | 'C' | 'received';

export interface SlideLevel {
  level: number;
  /** Of the level; of its first instance, when it has several. */
  sop_instance_uid: string;
  instance_count: number;
  width: number;
  height: number;
  downsample: number;
  tiles_x: number;
  tiles_y: number;
  tile_width: number;
  tile_height: number;
}

/** Which instance each tile of a level is from. */
export interface LevelInstances {
  instances: string[];
  /** Tiles by row × tiles in a row + column; a run ends where the next begins. `null` where there is no tile. */
  runs: { first_tile: number; instance: number | null }[];
}

export interface FocalPlane {
  /** What a tile's `z` names it by. */
  z: string;
  /** Micrometres above the reference; `null` when the slide does not say how far its planes are apart. */
  z_um: number | null;
  is_default: boolean;
}

/** An optical path. Colour and window are `null` when its pixels are in colour. */
export interface SlideChannel {
  path: string;
  description: string;
  wavelength_nm: number | null;
  illumination: string | null;
  /** `RRGGBB`. */
  color: string | null;
  window: { low: number; high: number } | null;
  bits: number;
  is_default: boolean;
}

export interface GradeReport {
  tiles_checked: number;
  tiles_equal: number;
  filled: number;
  method: string;
  codec: string;
  generations: number;
  /** Grade C: how alike its tiles are to what they were made of. */
  likeness?: { tiles: number; psnr_db_worst: number };
  /** Grade C: why the file's tiles were not taken as they are. */
  reason?: string;
}

export interface Slide {
  id: string;
  organisation: Ref;
  study_instance_uid: string;
  series_instance_uid: string;
  patient_name: string;
  patient_id: string;
  /** The name is a pseudonym. */
  is_deidentified: boolean;
  study_date: string;
  source: string;
  scanner: string | null;
  /** As whoever brought it, its label or its file's name says. */
  stain: string | null;
  objective: number | null;
  mpp_um: { x: number; y: number } | null;
  /** Who has given it this scale, when the scanner has not. */
  calibration: { mpp_um: number; by: string; by_name: string | null; at: string } | null;
  /** What an address of its pixels carries, to mean the same for ever; none where no address needs it, and in lists. */
  revision?: string | null;
  width: number;
  height: number;
  tile_width: number;
  tile_height: number;
  levels: SlideLevel[];
  grade: Grade;
  /** It came as DICOM: there is no file of the scanner that it was compared with, and its grade is `received`. */
  as_received: boolean;
  grade_report: GradeReport;
  /** What was left out of it, each with the reason. */
  omitted: string[];
  /** The scanner's file, or several of them, for whoever may have it. */
  original: { bytes: number; files: number | null } | null;
  has_label: boolean;
  has_overview: boolean;
  associated: string[];
  description: string;
  imported_at: string;
  /** The one nearest to the glass first. Absent, like what follows, where a slide has no such choice. */
  focal_planes?: FocalPlane[];
  channels?: SlideChannel[];
  /** How channels without colours are usually put together: a value for a tile's `channels`. */
  composition?: string | null;
}

export type ConsultKind = 'diagnosis' | 'consultation';
export type Urgency = 'routine' | 'urgent' | 'emergency' | 'frozen';

export interface Partner {
  organisation: Ref;
  kinds: ConsultKind[];
  /** Empty means all. */
  modalities: string[];
  urgencies: { urgency: Urgency; turnaround_min: number }[];
}

export type ConsultState =
  | 'draft'
  | 'submitted'
  | 'awaiting_data'
  | 'accepted'
  | 'assigned'
  | 'reading'
  | 'preliminary'
  | 'returned'
  | 'final'
  | 'delivered'
  | 'closed'
  | 'amending'
  | 'rejected'
  | 'cancelled';

export type ConsultAction =
  | 'edit'
  | 'attach'
  | 'submit'
  | 'accept'
  | 'reject'
  | 'request_data'
  | 'resume'
  | 'assign'
  | 'claim'
  | 'release'
  | 'decline'
  | 'accept_images'
  | 'sign'
  | 'review'
  | 'return'
  | 'take_over'
  | 'acknowledge'
  | 'record_decision'
  | 'ask_back'
  | 'answer'
  | 'grade'
  | 'respond'
  | 'amend'
  | 'abandon'
  | 'ask_opinion'
  | 'give_opinion'
  | 'decline_opinion'
  | 'withdraw_opinion'
  | 'second_opinion'
  | 'compare'
  | 'cancel';

export interface ConsultStudy {
  org: string;
  study_instance_uid: string;
  description: string;
  modalities: string[];
  study_date: string;
  accession_number: string;
}

export interface ConsultRow {
  id: string;
  number: string;
  kind: ConsultKind;
  urgency: Urgency;
  state: ConsultState;
  requesting: Ref;
  reading: Ref;
  patient_name: string;
  patient_id: string;
  patient_sex: string;
  /** In words, such as `58岁`. */
  patient_age: string;
  study: ConsultStudy;
  slide_id: string | null;
  question: string;
  created_at: string;
  submitted_at: string | null;
  due_at: string | null;
  reader: Ref | null;
  reviewer: Ref | null;
  created_by: Ref;
  /** How long it has waited for data; not part of the agreed time. */
  waited_ms: number;
  /** What the requester is asked for, while data are awaited. */
  wanted: string | null;
  has_open_question: boolean;
  has_open_discrepancy: boolean;
  open_criticals: number;
  /** Experts who were asked and have not answered; 0 for the requesting organisation. */
  open_opinions: number;
  version: number;
  allowed: ConsultAction[];
}

export const radiologyGrades = ['1', '2a', '2b', '3a', '3b', '4a', '4b'] as const;
export const pathologyGrades = ['concordant', 'minor', 'major'] as const;
export type QualityGrade = (typeof radiologyGrades)[number] | (typeof pathologyGrades)[number];

export interface QualityReview {
  report_version: number;
  by: Ref | null;
  at: string;
  grade: QualityGrade;
  comment: string;
  response: Said | null;
}

export const statisticsBy = ['month', 'requesting', 'reading', 'reader', 'modality', 'urgency'] as const;
export type StatisticsBy = (typeof statisticsBy)[number];

export interface StatisticsRow {
  key: string;
  name: string;
  asked: number;
  delivered: number;
  open: number;
  rejected: number;
  cancelled: number;
  late: number;
  /** Minutes, without time of waiting; `null` before the first report. */
  median_min: number | null;
  p90_min: number | null;
  waited_min: number;
  amended: number;
  graded: number;
  agreed: number;
  /** Median of the agreed times, minutes. */
  target_min: number | null;
  critical: number;
  /** From telling to acknowledgement, minutes. */
  critical_median_min: number | null;
  critical_longest_min: number | null;
}

export interface Attachment {
  name: string;
  media_type: 'application/pdf' | 'image/jpeg' | 'image/png';
  bytes: number;
  sha256: string;
  at: string;
}

/** A time of waiting for data. */
export interface Waiting {
  wanted: string;
  by: Ref | null;
  since: string;
  until: string | null;
  answer: string;
}

export interface Said {
  by: Ref | null;
  at: string;
  text: string;
}

/** A question about the report, with its answer once there is one. */
export interface ReportQuestion {
  question: Said;
  answer: Said | null;
}

export type AmendmentKind = 'addendum' | 'correction';

/** Why a version takes the place of the one before. */
export interface AmendmentNote {
  kind: AmendmentKind;
  reason: string;
}

/** Images of a series that are not in evidence. */
export interface LateSeries {
  study_instance_uid: string;
  series_instance_uid: string;
  instances: number;
}

/** Somebody who could read a consult. */
export interface Candidate extends Ref {
  title: string;
  /** Consults that this person has already. */
  load: number;
}

export interface EvidenceItem {
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  sha256: string;
}

export interface TimelineEntry {
  state: ConsultState;
  at: string;
  by: Ref | null;
  note: string;
}

/** What is drawn on a key image: points in pixels of the picture. */
export interface Mark {
  kind: 'arrow' | 'line' | 'outline' | 'point';
  points: [number, number][];
  label: string;
}

/** A frame of an image of radiology in a report, as its reader saw it. Sent back as it came, or as a choice. */
export interface FrameKeyImage {
  /** A UUID of the page's. */
  id: string;
  /** What is written below it. */
  name: string;
  study: string;
  series: string;
  instance: string;
  /** From 1. */
  frame: number;
  /** Decimal strings; left out of colour. */
  window_centre?: string;
  window_width?: string;
  inverted: boolean;
  rotation_deg: '0' | '90' | '180' | '270';
  /** After the turn. */
  mirrored: boolean;
  /** What the picture fits into, then its size. */
  picture_width: number;
  picture_height: number;
  marks?: Mark[];
  picture_sha256?: string;
}

export type KeyImage = SlideKeyImage | FrameKeyImage;

/** A picture of a slide in a report. Sent back as it came, or as a choice: only `slide` and `bookmark` are read. */
export interface SlideKeyImage {
  slide: string;
  bookmark: string;
  name?: string;
  width_um?: string | null;
  height_um?: string | null;
  magnification?: string | null;
  picture_sha256?: string;
  picture_width?: number;
  picture_height?: number;
}

export interface ReportDraft {
  findings: string;
  diagnosis: string;
  recommendation: string;
  template: string | null;
  /** Left out by the server where there is none. */
  template_version?: number | null;
  values?: Values;
  sections?: Readonly<Record<string, string>>;
  compared?: readonly ComparedReport[];
  /** What is filled, in words; made by the server. */
  structured?: Structured;
  displayed: string[];
  key_images: KeyImage[];
}

/** Where a signing key is: in the node's keystore, with a service that asks the signer's telephone, or in the signer's own hands. */
export type KeyPlace = 'keystore' | 'phone' | 'own';

/** A signature that is waited for on the telephone, or the last that was. */
export interface PhoneSignature {
  as: 'sign' | 'review';
  progress: 'waiting' | 'signed' | 'refused' | 'timed_out' | 'cancelled' | 'failed';
  fault: 'service_refuses' | 'wrong_signature' | 'changed' | 'not_allowed' | 'not_completed' | null;
  service: string;
  /** Stands on the telephone, too. */
  code: string;
  asked_at: string;
  until: string;
}

export interface ReportVersion {
  version: number;
  signed_at: string;
  signers: { name: string; role: string; signed_at: string; key: KeyPlace }[];
  superseded: boolean;
  amendment?: AmendmentNote;
}

export interface Consult extends ConsultRow {
  /** Earlier studies of the patient that belong to the question. */
  priors: ConsultStudy[];
  /** Series Instance UIDs that whoever asked has left out of the question. */
  left_out_series: string[];
  history: string;
  consent: boolean;
  evidence: EvidenceItem[];
  timeline: TimelineEntry[];
  report: ReportDraft | null;
  versions: ReportVersion[];
  waits: Waiting[];
  amendment: AmendmentNote | null;
  attachments: Attachment[];
  /** Empty for the requesting organisation. */
  quality: QualityReview[];
  questions: ReportQuestion[];
  decision: Said | null;
  /** Oldest first. */
  earlier_decisions: Said[];
  /** The report that this is a second opinion on. */
  second_of: { consult: string; number: string; first: FirstReport; comparison: Comparison | null } | null;
}

export type WorklistTab = 'mine' | 'answered' | 'pool' | 'opinion' | 'awaiting' | 'review' | 'critical' | 'overdue' | 'all';

export interface ConsultList {
  consults: ConsultRow[];
  counts: Record<WorklistTab, number>;
  more: boolean;
  /** What to ask the next page with. */
  next: string | null;
}

/** A search of the worklist that has a name. */
export interface SavedFilter {
  name: string;
  tab: WorklistTab;
  q: string;
  modality: string | null;
  urgency: Urgency | null;
}

/** How a person likes their pages, on every computer. */
export interface Preferences {
  theme: 'dark' | 'light' | null;
  /** Empty: as the worklist comes. */
  worklist_columns: string[];
  worklist_filters: SavedFilter[];
  /** After signing, the next case opens by itself; `null`: for those who read or review. */
  opens_next: boolean | null;
}

/** What a request says: the body of POST /consults and of PUT /consults/{id} while it is a draft. */
export interface ConsultRequest {
  reading_organisation: string;
  kind: ConsultKind;
  urgency: Urgency;
  study: { org: string; study_instance_uid: string };
  /** Study Instance UIDs. */
  priors: string[];
  /** Series Instance UIDs of series of the study that are no part of the question. */
  left_out_series: string[];
  slide_id: string | null;
  question: string;
  history: string;
  consent: boolean;
}

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

export interface ReportPreview {
  canonical_sha256: string;
  canonical: { [key: string]: JsonValue };
  missing: string[];
}

export interface VerdictPart {
  result: 'good' | 'bad' | 'unknown' | 'not_present';
  /** Why, in Chinese. */
  detail: string;
  detail_en: string;
}

export interface Verdict {
  integrity: VerdictPart;
  /** Whether the signatures in the PDF cover all of it. */
  coverage: VerdictPart;
  chain: VerdictPart;
  revocation: VerdictPart;
  time_stamp: VerdictPart;
  /** Whether the certificates are of the people whom the report names. */
  credential: VerdictPart;
  evidence: VerdictPart;
  superseded: VerdictPart;
  signers: {
    name: string;
    role: string;
    organisation: string;
    signed_at: string | null;
    certificate_subject: string;
    test_certificate: boolean;
    time_stamped: boolean;
    /** Not in signatures from before they said it. */
    key?: KeyPlace;
  }[];
  ok: boolean;
  number: string;
  version: number;
  sha256: string;
}

export interface AuditEvent {
  seq: number;
  at: string;
  actor: string;
  actor_name: string | null;
  /** For whom they acted. */
  organisation: string | null;
  address: string | null;
  action: string;
  object: string;
  outcome: string;
  detail: string;
  hash: string;
}

/** RFC 9457. `type` is a relative URI, /problems/<slug>. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  field?: string;
}

/** A DICOM JSON object (PS3.18 Annex F): values by eight-digit tag. */
export type DicomJson = Record<string, { vr: string; Value?: JsonValue[] }>;

export type DeviceRight = 'store' | 'search' | 'retrieve' | 'see_labels';

export interface Device {
  ae_title: string;
  rights: DeviceRight[];
  /** Addresses and CIDR ranges; empty means any. */
  source_addresses: string[];
  /** With one it may not call without TLS. */
  certificate_sha256: string | null;
  assumed_character_set: string | null;
  contact: { host: string; port: number; transport: 'plain' | 'tls'; certificate_sha256: string | null } | null;
  last_seen_at: string | null;
  last_seen_from: string | null;
}

export interface DeviceList {
  node_ae_title: string;
  devices: Device[];
}

export interface ForwardRule {
  /** `a-z 0-9 -`. */
  id: string;
  /** Empty lists and patterns mean any. */
  sources: string[];
  modalities: string[];
  description: string;
  destination: string;
  state: 'active' | 'paused';
}

export type QueueKind = 'forward' | 'retrieve' | 'commitment';

export type QueueProblem =
  | 'out_of_reach'
  | 'unreachable'
  | 'timed_out'
  | 'rejected'
  | 'not_served'
  | 'aborted'
  | 'protocol'
  | 'status'
  | 'peer_is_full'
  | 'no_contact'
  | 'unreadable'
  | 'some_failed'
  | 'other';

export interface QueuedJob {
  id: number;
  kind: QueueKind;
  destination: string;
  state: 'waiting' | 'running' | 'set_aside';
  attempts: number;
  problem: string;
  problem_code: '' | QueueProblem;
  due_at: string;
  queued_at: string;
  about: { [key: string]: JsonValue };
}

export type OrderState = 'scheduled' | 'arrived' | 'cancelled';
export type OrderPriority = '' | 'STAT' | 'HIGH' | 'ROUTINE' | 'MEDIUM' | 'LOW';

/** An order as it is placed; what is left out is filled in by the server. */
export interface OrderWish {
  patient: { id: string; name: string; birth_date?: string; sex?: string };
  accession_number: string;
  study_instance_uid?: string;
  referring_physician?: string;
  requesting_service?: string;
  procedure?: { description?: string; priority?: OrderPriority; reason?: string };
  step: {
    modality: string;
    station_ae_title?: string | null;
    start_date: string;
    start_time?: string;
    description?: string;
  };
}

export interface Order {
  id: string;
  state: OrderState;
  placed_at: string;
  arrived_at: string | null;
  order: OrderWish;
}

export type OrderFault =
  | 'needed'
  | 'text'
  | 'modality'
  | 'sex'
  | 'priority'
  | 'date'
  | 'time'
  | 'weight'
  | 'one_step'
  | 'ae_title'
  | 'not_scheduled';

export interface OrdersImported {
  placed: number;
  changed: number;
  refused: { position: number; field: string; code: OrderFault; why: string }[];
}

export interface PatientKey {
  id: string;
  issuer: string;
}

export type Correction =
  | { kind: 'identity'; study: string; attributes: DicomJson }
  | { kind: 'merge'; from: PatientKey; into: PatientKey }
  | { kind: 'link'; one: PatientKey; other: PatientKey }
  | { kind: 'move'; study: string; series: string[]; to: string; attributes: DicomJson }
  | { kind: 'hide'; study: string; series: string[]; instances: string[] }
  | { kind: 'delete'; study: string; series: string | null; instance: string | null };

export type NewCorrection = Exclude<Correction, { kind: 'delete' }>;

export const reasonCodes = ['wrong_identity', 'incorrect_worklist_entry', 'quality', 'patient_safety', 'retention_expired', 'other'] as const;
export type ReasonCode = (typeof reasonCodes)[number];

export interface Reason {
  code: ReasonCode;
  text: string;
}

export interface CorrectionItem {
  id: string;
  correction: Correction;
  /** Suspended while the rejection note that made it is rejected itself. */
  state: 'active' | 'undone' | 'running' | 'done' | 'suspended';
  /** SOP Instance UID of the rejection note that has made it, or that was made of it. */
  note: string | null;
  /** Objects whose pixels or document may show the patient as acquired. */
  identity_inside: number;
  reason: Reason;
  made_by: string;
  made_by_name: string | null;
  made_at: string;
  undone_by: string | null;
  undone_by_name: string | null;
  undone_at: string | null;
  undo_reason: string | null;
}

export interface HiddenSeries {
  series_instance_uid: string;
  modality: string;
  number: number | null;
  description: string;
  hidden_count: number;
}

export interface HiddenStudy {
  study_instance_uid: string;
  patient_name: string;
  patient_id: string;
  patient_sex: string;
  study_date: string;
  description: string;
  series: HiddenSeries[];
}

export type NamingKind = 'burned_in' | 'may_be_burned_in' | 'document' | 'report' | 'slide_label';

/** A series whose content may name the patient where no correction reaches. */
export interface NamingSeries {
  series_instance_uid: string;
  modality: string;
  number: number | null;
  description: string;
  kinds: NamingKind[];
}
