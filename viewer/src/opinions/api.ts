/** Opinions of several experts on one case (多学科会诊), as the server speaks of them. */
import { request } from '../api/client';
import type { Ref } from '../api/types';

export type Sight = 'open' | 'blind';

export type Ending =
  /** An empty text is not to be seen yet. */
  | { how: 'given'; text: string; at: string }
  | { how: 'declined'; reason: string; at: string }
  | { how: 'withdrawn'; reason: string; by: Ref | null; at: string };

export interface Opinion {
  n: number;
  expert: Ref;
  title: string;
  question: string;
  sight: Sight;
  asked_by: Ref;
  asked_at: string;
  /** `null` while it is waited for. */
  ending: Ending | null;
  /** What this person has written so far; `null` unless it is theirs to give. */
  draft: string | null;
}

export interface Expert extends Ref {
  title: string;
}

interface List {
  opinions: Opinion[];
}

const segment = encodeURIComponent;
const address = (consult: string, rest = '') => `/consults/${segment(consult)}/opinions${rest}`;

export const opinions = {
  of: (consult: string) => request<List>('GET', address(consult)),
  experts: (consult: string) => request<{ experts: Expert[] }>('GET', `/consults/${segment(consult)}/experts`),
  ask: (consult: string, people: readonly string[], question: string, sight: Sight) =>
    request<List>('POST', address(consult), { body: { people, question, sight } }),
  save: (consult: string, n: number, text: string) => request<void>('PUT', address(consult, `/${n}/draft`), { body: { text } }),
  give: (consult: string, n: number, text: string) => request<List>('POST', address(consult, `/${n}/give`), { body: { text } }),
  decline: (consult: string, n: number, reason: string) => request<List>('POST', address(consult, `/${n}/decline`), { body: { reason } }),
  withdraw: (consult: string, n: number, reason: string) => request<List>('POST', address(consult, `/${n}/withdraw`), { body: { reason } }),
};
