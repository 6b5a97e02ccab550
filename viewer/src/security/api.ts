/** The security officer's overview and the state of the audit chain, as the server speaks of them. */
import { request } from '../api/client';
import type { Ref, Role } from '../api/types';

export interface AccountLine {
  id: string;
  login: string;
  name: string;
  roles: Role[];
  takes_second_factor: boolean;
}

export interface EndingLine {
  what: string;
  id: string | null;
  name: string;
  at: string | null;
  is_over: boolean;
}

export interface Ending {
  count: number;
  lines: EndingLine[];
}

export interface AuditState {
  last_seq: number;
  last_hash: string;
  head: { seq: number; at: string; hash: string } | null;
  verified: {
    at: string;
    events: number;
    anchored_seq: number;
    fault: { what: string; number: number; why: string } | null;
  } | null;
  is_verifying: boolean;
  sending: { to: string; seq: number; lag: number; at: string; error: string | null } | null;
  kept_days_min: number;
}

export interface SecurityOverview {
  organisation: Ref;
  at: string;
  soon_days: number;
  accounts: {
    active: number;
    with_second_factor: number;
    without_second_factor: AccountLine[];
    locked: AccountLine[];
    disabled: number;
  };
  failed: {
    days: number;
    count: number;
    is_more: boolean;
    lines: { person: string | null; who: string; count: number; last_at: string; addresses: string[] }[];
  };
  sessions: { open: number; lines: { person: string; login: string; name: string; count: number; has_one_factor: boolean }[] };
  tokens: {
    good: number;
    to_look_at: number;
    lines: { id: string; purpose: string; why: 'ending' | 'unused' | 'endless'; expires_at: string | null; last_used_at: string | null }[];
  };
  people_ending: Ending;
  agreements_ending: Ending;
  emergencies: { is_allowed: boolean; waiting: number; oldest_at: string | null };
  devices: {
    all: number;
    without_tls: number;
    lines: { ae_title: string; calls_plain: boolean; is_called_plain: boolean; from_anywhere: boolean }[];
  };
  node: { audit: AuditState; ending: Ending; unknown_names: number } | null;
}

export const security = {
  overview: () => request<SecurityOverview>('GET', '/security/overview'),
  auditState: () => request<AuditState>('GET', '/audit/state'),
  verifyAudit: () => request<AuditState>('POST', '/audit/verify'),
};
