/** What a requester has typed so far. Kept in the browser until it is sent, so that no word is lost. */
import type { Consult, ConsultKind, ConsultRequest, Partner, Slide, Urgency } from '../api/types';

export interface AskStudy {
  org: string;
  study_instance_uid: string;
  /** The slide that the question is about, when the study is one of slides. */
  slide_id: string | null;
}

export interface AskDraft {
  /** The consult on the server, once there is one: sending again must not make a second. */
  kept: { id: string; version: number } | null;
  /** With which it is sent, until there is one. */
  once: string | null;
  study: AskStudy | null;
  /** Earlier studies of the same patient that go along. */
  priors: string[];
  /** Series of the study that are no part of the question. */
  left_out_series: string[];
  reading_organisation: string | null;
  kind: ConsultKind | null;
  urgency: Urgency | null;
  question: string;
  history: string;
  consent: boolean;
}

export const emptyDraft: AskDraft = {
  kept: null,
  once: null,
  study: null,
  priors: [],
  left_out_series: [],
  reading_organisation: null,
  kind: null,
  urgency: null,
  question: '',
  history: '',
  consent: false,
};

export function draftKey(personId: string): string {
  return `farsight.ask.${personId}`;
}

export function draftFrom(consult: Consult): AskDraft {
  return {
    kept: { id: consult.id, version: consult.version },
    once: null,
    study: {
      org: consult.study.org,
      study_instance_uid: consult.study.study_instance_uid,
      slide_id: consult.slide_id,
    },
    priors: consult.priors.map(({ study_instance_uid }) => study_instance_uid),
    left_out_series: consult.left_out_series,
    reading_organisation: consult.reading.id,
    kind: consult.kind,
    urgency: consult.urgency,
    question: consult.question,
    history: consult.history,
    consent: consult.consent,
  };
}

/** Choices that the person has not made, or that the agreement does not offer, become the agreement's first. */
export function withPartner(draft: AskDraft, partners: readonly Partner[]): AskDraft {
  const partner = partners.find(({ organisation }) => organisation.id === draft.reading_organisation) ?? partners[0];
  if (partner === undefined) return draft;
  const kind = partner.kinds.find((offered) => offered === draft.kind) ?? partner.kinds[0] ?? null;
  const urgencies = partner.urgencies.map(({ urgency }) => urgency);
  const urgency = urgencies.find((offered) => offered === draft.urgency) ?? urgencies[0] ?? null;
  return { ...draft, reading_organisation: partner.organisation.id, kind, urgency };
}

/** What a series is left out with: the question is about a slide that is still part of it, if there is one. */
export function leavingOut(
  study: AskStudy,
  slides: readonly Pick<Slide, 'id' | 'series_instance_uid'>[],
  left_out_series: string[],
): Pick<AskDraft, 'study' | 'left_out_series'> {
  const still = slides.filter((slide) => !left_out_series.includes(slide.series_instance_uid)).map(({ id }) => id);
  const slide_id = still.find((id) => id === study.slide_id) ?? still[0] ?? null;
  return { study: { ...study, slide_id }, left_out_series };
}

export type AskField = 'study' | 'agreement' | 'question' | 'consent';

/** The first thing that is missing, by the server's own names of the fields. */
export function missingField(draft: AskDraft): AskField | null {
  if (draft.study === null) return 'study';
  if (draft.reading_organisation === null || draft.kind === null || draft.urgency === null) return 'agreement';
  if (draft.question.trim() === '') return 'question';
  return draft.consent ? null : 'consent';
}

/** `null` while a field without which the server keeps nothing is missing. */
export function requestFrom(draft: AskDraft): ConsultRequest | null {
  const { study, reading_organisation, kind, urgency } = draft;
  if (study === null || reading_organisation === null || kind === null || urgency === null) return null;
  return {
    study: { org: study.org, study_instance_uid: study.study_instance_uid },
    priors: draft.priors,
    left_out_series: draft.left_out_series,
    slide_id: study.slide_id,
    reading_organisation,
    kind,
    urgency,
    question: draft.question.trim(),
    history: draft.history.trim(),
    consent: draft.consent,
  };
}

/** Whether what is on the server is what is asked here. */
export function isAsAsked(consult: Consult, request: ConsultRequest): boolean {
  const words = (asked: ConsultRequest | null) => JSON.stringify(asked && { ...asked, left_out_series: asked.left_out_series.toSorted() });
  return words(requestFrom(draftFrom(consult))) === words(request);
}
