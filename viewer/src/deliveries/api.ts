/** Where signed reports go and what became of it, as the server speaks of it. */
import { query, request } from '../api/client';
import type { NoticeKind } from '../notices/api';

export type ReportForm = 'sr' | 'pdf' | 'kos' | 'fhir';
export const dicomForms = ['sr', 'pdf', 'kos'] as const satisfies readonly ReportForm[];

export const methods = ['ae', 'stow', 'webhook'] as const;
export type Method = (typeof methods)[number];

export type DeliveryProblem =
  | 'unreachable'
  | 'timed_out'
  | 'rejected'
  | 'not_served'
  | 'unauthorised'
  | 'refused'
  | 'busy'
  | 'broken'
  | 'internal_address'
  | 'no_contact'
  | 'no_route'
  | 'unsound'
  | 'internal';

export interface Delivery {
  id: string;
  consult: string;
  number: string;
  version: number;
  route_name: string;
  method: Method;
  forms: ReportForm[];
  state: 'waiting' | 'sending' | 'delivered' | 'failed';
  attempts: number;
  problem: DeliveryProblem | null;
  /** What the receiver answered with, or empty. */
  status: string;
  created_at: string;
  tried_at: string | null;
  next_at: string | null;
  delivered_at: string | null;
}

export interface ReturnRoute {
  id: string;
  name: string;
  method: Method;
  ae_title: string | null;
  url: string | null;
  has_token: boolean;
  /** Shown once, when a webhook is set. */
  secret: string | null;
  forms: ReportForm[];
}

export interface RouteWish {
  id: string;
  name: string;
  method: Method;
  ae_title?: string;
  url?: string;
  /** Left out: as it was for the same address. */
  token?: string;
  forms: ReportForm[];
}

export type UntoldProblem =
  | 'no_mail_way'
  | 'mail_refused'
  | 'mail_status'
  | 'mail_log_in'
  | 'mail_tls'
  | 'mail_unreachable'
  | 'mail_folder'
  | 'no_address'
  | 'unknown_name'
  | 'internal'
  | 'refused'
  | 'status'
  | 'timed_out'
  | 'unreachable'
  | 'broken_off'
  | 'other';

export interface Untold {
  id: number;
  way: 'mail' | 'webhook';
  what: NoticeKind | null;
  consult: string | null;
  number: string | null;
  state: 'waiting' | 'running' | 'set_aside';
  attempts: number;
  problem: string;
  problem_code: UntoldProblem | '';
  created_at: string;
  due_at: string;
}

const segment = encodeURIComponent;

export const deliveries = {
  of: (consult: string) =>
    request<{ deliveries: Delivery[]; may_send: boolean }>('GET', `/consults/${segment(consult)}/deliveries`),
  send: ({ consult, id }: Pick<Delivery, 'consult' | 'id'>) =>
    request<Delivery>('POST', `/consults/${segment(consult)}/deliveries/${segment(id)}/send`),
  routes: (org: string) => request<{ routes: ReturnRoute[] }>('GET', `/return-routes${query({ org })}`),
  putRoute: (org: string, { id, ...wish }: RouteWish) =>
    request<ReturnRoute>('PUT', `/return-routes/${segment(id)}${query({ org })}`, { body: wish }),
  removeRoute: (org: string, id: string) => request<void>('DELETE', `/return-routes/${segment(id)}${query({ org })}`),
  undelivered: () => request<{ deliveries: Delivery[]; notices: Untold[] }>('GET', '/undelivered'),
  tellAgain: (id: number) => request<void>('POST', `/undelivered/notices/${id}/send`),
};
