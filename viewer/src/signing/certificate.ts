/** What people are shown of a certificate (RFC 5280). */
import type { Asn1 } from 'node-forge/lib/forge';
import { binaryOf, bytesOf } from './der';
import { CannotOpen } from './cannotOpen';
import { child, children, derOf, objectId, parse } from './pkcs12';

export interface Certificate {
  der: Uint8Array<ArrayBuffer>;
  /** Common name and organisation of the subject. */
  name: string;
  organisation: string;
  /** Common name of the issuer, or its organisation. */
  issuer: string;
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array<ArrayBuffer>;
}

const commonName = '2.5.4.3';
const organisationName = '2.5.4.10';
const bmpString = 30;
const utcTime = 23;
const explicitVersion = 0x80;

/** @throws CannotOpen */
export function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const fields = children(child(parse(binaryOf(der)), 0));
  const from = fields[0]?.tagClass === explicitVersion ? 1 : 0;
  const [issuer, validity, subject, publicKey] = [fields[from + 2], fields[from + 3], fields[from + 4], fields[from + 5]];
  if (publicKey === undefined) throw new CannotOpen('notPkcs12');
  return {
    der,
    name: part(subject, commonName),
    organisation: part(subject, organisationName),
    issuer: part(issuer, commonName) || part(issuer, organisationName),
    notBefore: moment(child(validity, 0)),
    notAfter: moment(child(validity, 1)),
    publicKey: derOf(publicKey),
  };
}

function part(name: Asn1 | undefined, wanted: string): string {
  for (const set of children(name)) {
    for (const pair of children(set)) {
      if (objectId(child(pair, 0)) === wanted) return text(child(pair, 1));
    }
  }
  return '';
}

function text(of: Asn1): string {
  if (typeof of.value !== 'string') return '';
  return new TextDecoder(of.type === bmpString ? 'utf-16be' : 'utf-8').decode(bytesOf(of.value));
}

/** UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5). */
function moment(of: Asn1): number {
  const digits = typeof of.value === 'string' ? of.value : '';
  const year = of.type === utcTime ? `${Number(digits.slice(0, 2)) < 50 ? '20' : '19'}${digits.slice(0, 2)}` : digits.slice(0, 4);
  const [month, day, hour, minute, second] = digits.slice(of.type === utcTime ? 2 : 4).match(/\d{2}/g) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
