/** Organisations, people, agreements and tokens, as those see them who look after them. */
import { query, request } from '../api/client';
import type { Ref, Role } from '../api/types';
import type { Subspecialty } from '../ui/subspecialties';

export interface Organisation {
  id: string;
  name: string;
  kind: 'hospital' | 'centre' | 'collection';
  is_ours: boolean;
  looked_after_by: string | null;
  etag: string;
}

export interface Credential {
  licence: string;
  scope: string;
  modalities: string[];
  valid_from: string;
  valid_until: string;
}

export interface Membership {
  organisation: string;
  roles: Role[];
}

export type Duty = 'particulars' | 'roles' | 'invite' | 'disable' | 'end_sessions' | 'reset_second_factor';

export interface Person {
  id: string;
  login: string;
  name: string;
  title: string;
  organisation: string;
  roles: Role[];
  is_disabled: boolean;
  has_password: boolean;
  has_second_factor: boolean;
  has_signing_key: boolean;
  credential: Credential | null;
  memberships: Membership[];
  subspecialties: Subspecialty[];
  etag: string;
  allowed: Duty[];
}

export type Particulars = Pick<Person, 'name' | 'title' | 'credential' | 'memberships' | 'subspecialties'>;
export type NewPerson = Particulars & Pick<Person, 'organisation' | 'login' | 'roles'>;

export interface InvitationLink {
  link: string;
  expires_at: string;
}

export const urgencies = ['routine', 'urgent', 'emergency', 'frozen'] as const;
export type Urgency = (typeof urgencies)[number];
export type ConsultKind = 'diagnosis' | 'consultation';

/** A certificate authority that an agreement names. */
export interface TrustAnchor {
  subject: string;
  /** Of the certificate, hexadecimal. */
  sha256: string;
  valid_until: string | null;
}

export interface Terms {
  kinds: ConsultKind[];
  modalities: string[];
  turnarounds: { urgency: Urgency; turnaround_min: number }[];
  signatures: 'single' | 'double';
  auto_accept: boolean;
  /** Whose certificates sign reports under it, PEM; `null`: those whom the node trusts. */
  trust_anchors_pem: string | null;
  /** The same, read by the server. */
  trust_anchors?: TrustAnchor[];
  valid_from: string;
  valid_until: string;
}

export interface Agreement extends Terms {
  id: string;
  etag: string;
  /** What one side wants instead; until the other has agreed, the terms that hold go on. */
  proposed: Terms | null;
  requesting: Ref;
  reading: Ref;
  is_valid: boolean;
  awaits: string | null;
  may_change: boolean;
  may_confirm: boolean;
}

export const tokenRights = ['store', 'search', 'retrieve', 'see_labels', 'correct', 'delete'] as const;
export type TokenRight = (typeof tokenRights)[number];

export interface Token {
  id: string;
  purpose: string;
  rights: TokenRight[];
  created_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
  last_used_from: string | null;
  certificate_sha256: string | null;
  is_good: boolean;
}

const at = encodeURIComponent;
/** A change is of what was seen, and of nothing else. */
const seen = (etag: string) => ({ 'If-Match': `"${etag}"` });

export const organisations = {
  list: () => request<{ organisations: Organisation[]; may_create: boolean }>('GET', '/admin/organisations'),
  create: (body: Pick<Organisation, 'id' | 'name' | 'kind'>) => request<Organisation>('POST', '/admin/organisations', { body }),
  change: ({ id, etag }: Organisation, body: Pick<Organisation, 'name' | 'kind'>) =>
    request<Organisation>('PUT', `/admin/organisations/${at(id)}`, { body, headers: seen(etag) }),
};

export const people = {
  list: (organisation: string) => request<{ people: Person[] }>('GET', `/admin/people${query({ organisation })}`),
  create: (body: NewPerson) => request<Person>('POST', '/admin/people', { body }),
  change: ({ id, etag }: Person, body: Particulars) => request<Person>('PUT', `/admin/people/${at(id)}`, { body, headers: seen(etag) }),
  changeRoles: ({ id, etag }: Person, roles: Role[]) =>
    request<Person>('PUT', `/admin/people/${at(id)}/roles`, { body: { roles }, headers: seen(etag) }),
  invite: (id: string) => request<InvitationLink>('POST', `/admin/people/${at(id)}/invitation`),
  setDisabled: (id: string, disabled: boolean) => request<Person>('POST', `/admin/people/${at(id)}/${disabled ? 'disable' : 'enable'}`),
  endSessions: (id: string) => request<void>('DELETE', `/admin/people/${at(id)}/sessions`),
  resetSecondFactor: (id: string) => request<void>('DELETE', `/admin/people/${at(id)}/second-factor`),
};

export const agreements = {
  list: () => request<{ agreements: Agreement[] }>('GET', '/admin/agreements'),
  create: (body: Terms & { requesting: string; reading: string }) => request<Agreement>('POST', '/admin/agreements', { body }),
  change: ({ id, etag }: Agreement, body: Terms) =>
    request<Agreement>('PUT', `/admin/agreements/${at(id)}`, { body, headers: seen(etag) }),
  confirm: ({ id, etag }: Agreement) => request<Agreement>('POST', `/admin/agreements/${at(id)}/confirm`, { headers: seen(etag) }),
  decline: (id: string) => request<Agreement>('DELETE', `/admin/agreements/${at(id)}/proposal`),
  end: (id: string) => request<Agreement>('POST', `/admin/agreements/${at(id)}/end`),
};

export const tokens = {
  list: (organisation: string) => request<{ tokens: Token[] }>('GET', `/admin/tokens${query({ organisation })}`),
  create: (body: { organisation: string; purpose: string; rights: TokenRight[]; days: number; certificate: string | null }) =>
    request<Token & { secret: string }>('POST', '/admin/tokens', { body }),
  revoke: (id: string) => request<void>('DELETE', `/admin/tokens/${at(id)}`),
};
