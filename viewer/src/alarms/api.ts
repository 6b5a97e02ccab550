/** Critical findings (危急值) as the server speaks of them. */
import { request } from '../api/client';
import type { Ref } from '../api/types';

export type How = 'system' | 'telephone' | 'in_person';

export interface Receipt {
  received_by: string;
  received_at: string;
  read_back: string;
  how: How;
  recorded_by: string;
}

export interface Finding {
  n: number;
  finding: string;
  found_at: string;
  told_by: string;
  told_at: string;
  /** Alarms so far, the first included. */
  alarms: number;
  last_alarm_at: string;
  escalated_at: string | null;
  waited_s: number;
  /** `null` while the alarm stands. */
  acknowledged: Receipt | null;
  /** Raised by mistake: no alarm, received or not. */
  withdrawn: { by: string; at: string; reason: string } | null;
  may_withdraw: boolean;
}

export function stands({ acknowledged, withdrawn }: Pick<Finding, 'acknowledged' | 'withdrawn'>): boolean {
  return acknowledged === null && withdrawn === null;
}

export interface Critical {
  consult: string;
  number: string;
  patient_name: string;
  requesting: Ref;
  reading: Ref;
  findings: Finding[];
}

export interface CriticalItem {
  name: string;
  name_en: string;
}

export interface CriticalRules {
  items: CriticalItem[];
  repeat_min: number;
  escalate_min: number;
}

export interface NewFinding {
  /** Sent again with it, it is the same finding. */
  once: string;
  finding: string;
  found_at: string | null;
}

export interface Acknowledgement {
  read_back: string;
  how: How;
  received_by?: string;
  received_at?: string;
}

const segment = encodeURIComponent;

export const critical = {
  open: () => request<{ consults: Critical[] }>('GET', '/critical'),
  of: (consult: string) => request<Critical>('GET', `/consults/${segment(consult)}/critical`),
  raise: (consult: string, body: NewFinding) => request<Critical>('POST', `/consults/${segment(consult)}/critical`, { body }),
  acknowledge: (consult: string, n: number, body: Acknowledgement) =>
    request<Critical>('POST', `/consults/${segment(consult)}/critical/${n}/acknowledge`, { body }),
  withdraw: (consult: string, n: number, reason: string) =>
    request<Critical>('POST', `/consults/${segment(consult)}/critical/${n}/withdraw`, { body: { reason } }),
  rules: () => request<CriticalRules>('GET', '/critical/rules'),
  putRules: (body: CriticalRules) => request<CriticalRules>('PUT', '/critical/rules', { body }),
};
