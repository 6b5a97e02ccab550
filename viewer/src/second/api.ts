/** Second opinions on delivered reports, as the server speaks of them. */
import { request } from '../api/client';
import type { Consult, ConsultRow, Ref, Urgency } from '../api/types';

export type FirstReport = 'shown' | 'hidden';
export const agreements = ['agrees', 'minor', 'major'] as const;
export type Agreement = (typeof agreements)[number];

export interface Comparison {
  agreement: Agreement;
  comment: string;
  by: Ref | null;
  at: string;
}

export interface Second extends ConsultRow {
  /** `null` until this person may read it. */
  diagnosis: string | null;
  comparison: Comparison | null;
}

export interface NewSecond {
  /** Sent again with it, it is the same question. */
  once: string;
  reading_organisation: string;
  urgency: Urgency;
  question: string;
  first: FirstReport;
}

const segment = encodeURIComponent;

export const seconds = {
  of: (consult: string) => request<{ consults: Second[] }>('GET', `/consults/${segment(consult)}/second-opinions`),
  ask: (consult: string, version: number, wanted: NewSecond) =>
    request<Consult>('POST', `/consults/${segment(consult)}/second-opinions`, { body: { version, ...wanted } }),
  compare: (consult: string, version: number, agreement: Agreement, comment: string) =>
    request<Consult>('POST', `/consults/${segment(consult)}/compare`, { body: { version, agreement, comment } }),
};
