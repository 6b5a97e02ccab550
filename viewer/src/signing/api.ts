/** Signing with a key in one's own hands: its certificate, and what it is to sign. */
import { request } from '../api/client';
import type { Consult } from '../api/types';

export interface SigningCertificate {
  name: string;
  subject: string;
  issuer: string;
  not_after: string | null;
  sha256: string;
}

/** What the key is to sign, base64. */
export interface Asked {
  transaction: string;
  messages: string[];
  algorithm: string;
  certificate_sha256: string;
  until: string;
}

const at = encodeURIComponent;

export const ownCertificate = {
  see: () => request<{ certificate: SigningCertificate | null }>('GET', '/session/signing-certificate'),
  register: (certificates: string[]) =>
    request<{ certificate: SigningCertificate | null }>('PUT', '/session/signing-certificate', { body: { certificates } }),
  forget: () => request<void>('DELETE', '/session/signing-certificate'),
};

export const ownSignature = {
  begin: (id: string, as: 'sign' | 'review', version: number, canonical_sha256: string) =>
    request<Asked>('POST', `/consults/${at(id)}/own-signature`, { body: { as, version, canonical_sha256 } }),
  complete: (id: string, transaction: string, values: string[]) =>
    request<Consult>('POST', `/consults/${at(id)}/own-signature/complete`, { body: { transaction, values } }),
};
