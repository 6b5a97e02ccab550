/** What a person is told, as the server speaks of it. */
import { query, request } from '../api/client';

export const noticeKinds = [
  'submitted',
  'assigned',
  'returned',
  'taken_over',
  'to_review',
  'data_wanted',
  'resumed',
  'declined',
  'asked_back',
  'answered',
  'rejected',
  'cancelled',
  'report',
  'critical',
  'critical_unanswered',
  'critical_acknowledged',
  'critical_withdrawn',
  'graded',
  'message',
  'clock50',
  'clock80',
  'clock100',
  'delivery_failed',
  'report_unsound',
  'emergency',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

export interface Notice {
  id: string;
  what: NoticeKind;
  consult: string;
  number: string;
  at: string;
  is_read: boolean;
}

export interface WebhookState {
  url: string | null;
  /** Shown once, when it is set. */
  secret: string | null;
}

export const notices = {
  list: (limit: number) => request<{ notices: Notice[]; unread: number }>('GET', `/notices${query({ limit })}`),
  read: (id: string) => request<void>('POST', `/notices/${encodeURIComponent(id)}/read`),
  readAll: () => request<void>('POST', '/notices/read'),
  mail: () => request<{ address: string }>('GET', '/notices/mail'),
  putMail: (address: string) => request<{ address: string }>('PUT', '/notices/mail', { body: { address } }),
  webhook: () => request<WebhookState>('GET', '/webhook'),
  putWebhook: (url: string) => request<WebhookState>('PUT', '/webhook', { body: { url } }),
};
