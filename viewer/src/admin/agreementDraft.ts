/** An agreement as it is written: days and minutes as texts, until it is sent. */
import { urgencies, type Agreement, type ConsultKind, type Terms, type Urgency } from './api';

export interface AgreementDraft {
  requesting: string;
  reading: string;
  kinds: ConsultKind[];
  modalities: string[];
  /** Minutes; empty where an urgency is not offered. */
  minutes: Record<Urgency, string>;
  signatures: Terms['signatures'];
  auto_accept: boolean;
  /** Certificates; empty when those whom the node trusts may sign. */
  anchors: string;
  /** Local days, `2026-11-26`. */
  from: string;
  until: string;
}

const pad = (value: number) => String(value).padStart(2, '0');
export const localDay = (at: Date) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;

export function draftOf(agreement: Agreement | null, now: Date): AgreementDraft {
  const minutes: Record<Urgency, string> = { routine: '1440', urgent: '120', emergency: '30', frozen: '' };
  if (agreement === null) {
    const end = new Date(now.getFullYear() + 1, now.getMonth(), now.getDate());
    return {
      requesting: '',
      reading: '',
      kinds: ['diagnosis', 'consultation'],
      modalities: [],
      minutes,
      signatures: 'double',
      auto_accept: false,
      anchors: '',
      from: localDay(now),
      until: localDay(end),
    };
  }
  for (const urgency of urgencies) minutes[urgency] = '';
  for (const { urgency, turnaround_min } of agreement.turnarounds) minutes[urgency] = String(turnaround_min);
  return {
    requesting: agreement.requesting.id,
    reading: agreement.reading.id,
    kinds: agreement.kinds,
    modalities: agreement.modalities,
    minutes,
    signatures: agreement.signatures,
    auto_accept: agreement.auto_accept,
    anchors: agreement.trust_anchors_pem ?? '',
    from: localDay(new Date(agreement.valid_from)),
    until: localDay(new Date(agreement.valid_until)),
  };
}

const isMinutes = (text: string) => /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) <= 30 * 24 * 60;

export function isComplete(draft: AgreementDraft): boolean {
  const offered = urgencies.map((urgency) => draft.minutes[urgency].trim()).filter((text) => text !== '');
  const sides = draft.requesting !== '' && draft.reading !== '' && draft.requesting !== draft.reading;
  return sides && draft.kinds.length > 0 && offered.length > 0 && offered.every(isMinutes) && draft.from !== '' && draft.until > draft.from;
}

/** From the beginning of the first day to the end of the last, where the browser is. */
export function termsOf(draft: AgreementDraft): Terms {
  return {
    kinds: draft.kinds,
    modalities: draft.modalities,
    turnarounds: urgencies
      .filter((urgency) => draft.minutes[urgency].trim() !== '')
      .map((urgency) => ({ urgency, turnaround_min: Number(draft.minutes[urgency]) })),
    signatures: draft.signatures,
    auto_accept: draft.auto_accept,
    trust_anchors_pem: draft.anchors.trim() === '' ? null : draft.anchors,
    valid_from: new Date(`${draft.from}T00:00:00`).toISOString(),
    valid_until: new Date(`${draft.until}T23:59:59`).toISOString(),
  };
}
