/** What people do with their own account. */
import { request } from '../api/client';
import type { Me } from '../api/types';
import { create, get, type CreationOptions, type RequestOptions } from './webauthn';

export interface SessionItem {
  id: string;
  is_this: boolean;
  created_at: string | null;
  expires_at: string;
  last_used_at: string | null;
  address: string | null;
  user_agent: string;
  factors: 'password' | 'password_and_code' | 'passkey' | 'single_sign_on' | 'single_sign_on_twice';
  acting_for: string | null;
}

export interface SecondFactorStatus {
  is_on: boolean;
  is_required: boolean;
  recovery_codes_left: number;
}

export interface Enrolment {
  secret: string;
  url: string;
  qr_svg: string;
}

export interface Passkey {
  id: string;
  name: string;
  created_at: string;
  last_used_at: string | null;
}

/** By what people can log in besides the password. */
export interface Ways {
  passkey_domain: string | null;
  sign_on: string | null;
}

export interface Invited {
  login: string;
  name: string;
  organisation: string;
  expires_at: string;
}

const at = encodeURIComponent;

export const account = {
  sessions: () => request<{ sessions: SessionItem[] }>('GET', '/sessions'),
  endSession: (id: string) => request<void>('DELETE', `/sessions/${at(id)}`),
  endOthers: () => request<void>('DELETE', '/sessions'),
  /** A password, or a one-time code. */
  prove: (proof: { password?: string; code?: string }) => request<void>('POST', '/session/proof', { body: proof }),
  changePassword: (current: string, password: string) => request<void>('PUT', '/session/password', { body: { current, password } }),
  actFor: (organisation: string) => request<Me>('PUT', '/session/acting-for', { body: { organisation } }),
};

export const secondFactor = {
  status: () => request<SecondFactorStatus>('GET', '/session/second-factor'),
  enrol: () => request<Enrolment>('POST', '/session/second-factor'),
  confirm: (code: string) => request<{ recovery_codes: string[] }>('POST', '/session/second-factor/confirm', { body: { code } }),
  renewCodes: () => request<{ recovery_codes: string[] }>('POST', '/session/second-factor/recovery-codes'),
  remove: () => request<void>('DELETE', '/session/second-factor'),
};

const begin = () => request<RequestOptions>('POST', '/session/passkey/begin', { anonymous: true });

export const passkeys = {
  list: () => request<{ domain: string | null; passkeys: Passkey[] }>('GET', '/session/passkeys'),
  register: async (name: string) => {
    const options = await request<CreationOptions>('POST', '/session/passkeys/begin');
    return request<Passkey>('POST', '/session/passkeys', { body: { name, credential: await create(options) } });
  },
  remove: (id: string) => request<void>('DELETE', `/session/passkeys/${at(id)}`),
  logIn: async () => request<Me>('POST', '/session/passkey', { body: { credential: await get(await begin()) }, anonymous: true }),
  prove: async () => request<void>('POST', '/session/proof/passkey', { body: { credential: await get(await begin()) } }),
};

export const signOn = {
  /** Where the browser goes to log in: a page of the server's, which sends it on. */
  address: '/api/v1/session/sign-on',
  binding: () => request<{ name: string | null; is_bound: boolean }>('GET', '/session/sign-on/binding'),
  bind: () => request<{ url: string }>('POST', '/session/sign-on/binding'),
  unbind: () => request<void>('DELETE', '/session/sign-on/binding'),
};

export const ways = () => request<Ways>('GET', '/session/ways', { anonymous: true });

/** The secret goes in the body: addresses are written to logs. */
export const invitations = {
  look: (secret: string) => request<Invited>('POST', '/invitations/look', { body: { secret }, anonymous: true }),
  /** By an account at the organisation's provider instead of a password. */
  signOn: (secret: string) => request<{ url: string }>('POST', '/invitations/sign-on', { body: { secret }, anonymous: true }),
  take: (secret: string, password: string) => request<void>('POST', '/invitations/take', { body: { secret, password }, anonymous: true }),
};
