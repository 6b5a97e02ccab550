/** Private keys as PKCS#8 (RFC 5958) and public ones as SubjectPublicKeyInfo: which algorithm, and in the form that browsers take. */
import forge, { type Asn1 } from 'node-forge/lib/forge';
import { binaryOf } from './der';
import { child, children, derOf, objectId, parse } from './pkcs12';

const elliptic = '1.2.840.10045.2.1';
const rsaPss = '1.2.840.113549.1.1.10';
/** OBJECT IDENTIFIER rsaEncryption, its bytes. */
const rsaEncryption = '\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01';

/** The object identifier of a private key's algorithm, or of its curve. */
export function algorithmOf(pkcs8: Uint8Array): string {
  const algorithm = child(parse(binaryOf(pkcs8)), 1);
  const name = objectId(child(algorithm, 0));
  return name === elliptic ? curveOf(children(algorithm)[1]) : name;
}

/** A curve that has no name is none that is known. */
function curveOf(parameters: Asn1 | undefined): string {
  return parameters?.type === forge.asn1.Type.OID ? objectId(parameters) : elliptic;
}

export const forWebCrypto = (pkcs8: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => withoutPss(pkcs8, 1);
export const forWebCryptoPublic = (spki: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => withoutPss(spki, 0);

/** Browsers take RSA keys for PSS under the name of every RSA key. `at`: which field names the algorithm. */
function withoutPss(der: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  const key = parse(binaryOf(der));
  const algorithm = child(key, at);
  if (objectId(child(algorithm, 0)) !== rsaPss) return der;
  const { UNIVERSAL: tagClass } = forge.asn1.Class;
  algorithm.value = [
    { tagClass, type: forge.asn1.Type.OID, constructed: false, value: rsaEncryption },
    { tagClass, type: forge.asn1.Type.NULL, constructed: false, value: '' },
  ];
  return derOf(key);
}
