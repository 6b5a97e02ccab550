/**
 * PKCS#12 files (RFC 7292), opened in the page: certificates and the private key, which goes nowhere but into WebCrypto. Loaded when
 * somebody opens one. node-forge decrypts what authorities have written over the years: RC2 and Triple DES as well as AES.
 */
import forge, { type Asn1 } from 'node-forge/lib/forge';
import 'node-forge/lib/hmac';
import 'node-forge/lib/pbe';
import 'node-forge/lib/sha512';
import { binaryOf, bytesOf } from './der';
import { CannotOpen } from './cannotOpen';

/** Bytes of a file that is looked at. */
const bytesMax = 1 << 20;
/** Rounds of a key derivation: more take minutes. */
const roundsMax = 5_000_000;

const oid = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  safeContentsBag: '1.2.840.113549.1.12.10.1.6',
  x509: '1.2.840.113549.1.9.22.1',
} as const;

const digests: Record<string, 'sha1' | 'sha256' | 'sha384' | 'sha512'> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** What is in a file, DER. */
export interface Contents {
  /** PKCS#8. */
  keys: Uint8Array<ArrayBuffer>[];
  certificates: Uint8Array<ArrayBuffer>[];
}

/** @throws CannotOpen */
export function readPkcs12(file: Uint8Array, passphrase: string): Contents {
  if (file.length > bytesMax) throw new CannotOpen('notPkcs12');
  const contents: Contents = { keys: [], certificates: [] };
  const outer = parse(binaryOf(file));
  const [, safe, mac] = children(outer);
  const parts = octets(explicit(child(safe, 1)));
  if (objectId(child(safe, 0)) !== oid.data) throw new CannotOpen('notPkcs12');
  if (mac !== undefined) checkMac(mac, parts, passphrase);
  for (const part of children(parse(parts))) readSafe(contentOf(part, passphrase), passphrase, contents);
  return contents;
}

/** ASN.1, of which a damaged file has none. */
export function parse(binary: string): Asn1 {
  try {
    return forge.asn1.fromDer(binary, { strict: true, decodeBitStrings: false });
  } catch {
    throw new CannotOpen('notPkcs12');
  }
}

export function children(of: Asn1 | undefined): Asn1[] {
  if (of === undefined || typeof of.value === 'string') throw new CannotOpen('notPkcs12');
  return of.value;
}

export function child(of: Asn1 | undefined, at: number): Asn1 {
  const found = children(of)[at];
  if (found === undefined) throw new CannotOpen('notPkcs12');
  return found;
}

export function objectId(of: Asn1): string {
  if (typeof of.value !== 'string' || of.type !== forge.asn1.Type.OID) throw new CannotOpen('notPkcs12');
  return forge.asn1.derToOid(of.value);
}

export const derOf = (of: Asn1): Uint8Array<ArrayBuffer> => bytesOf(forge.asn1.toDer(of).getBytes());

/** What is in an explicit tag. */
const explicit = (of: Asn1): Asn1 => child(of, 0);

/** An OCTET STRING, whole or in parts. */
function octets(of: Asn1): string {
  return typeof of.value === 'string' ? of.value : of.value.map(octets).join('');
}

function whole(of: Asn1): number {
  if (typeof of.value !== 'string' || of.type !== forge.asn1.Type.INTEGER || of.value.length > 4) throw new CannotOpen('notPkcs12');
  return bytesOf(of.value).reduce((sum, one) => sum * 256 + one, 0);
}

/** RFC 7292 §4, appendix B. A file without, or with one of a kind that is not known, is told by its contents. */
function checkMac(mac: Asn1, content: string, passphrase: string): void {
  const [digestInfo, salt, rounds] = children(mac);
  const name = digests[objectId(child(child(digestInfo, 0), 0))];
  if (name === undefined || salt === undefined) return;
  const iterations = rounds === undefined ? 1 : whole(rounds);
  if (iterations < 1 || iterations > roundsMax) throw new CannotOpen('notPkcs12');
  const digest = forge.md[name].create();
  const key = forge.pki.pbe.generatePkcs12Key(passphrase, forge.util.createBuffer(octets(salt)), 3, iterations, digest.digestLength, digest);
  const hmac = forge.hmac.create();
  hmac.start(forge.md[name].create(), key);
  hmac.update(content);
  if (hmac.digest().getBytes() !== octets(child(digestInfo, 1))) throw new CannotOpen('wrongPassphrase');
}

/** SafeContents of one part, decrypted. */
function contentOf(part: Asn1, passphrase: string): string {
  const [kind, content] = [objectId(child(part, 0)), explicit(child(part, 1))];
  if (kind === oid.data) return octets(content);
  // Others are encrypted to a certificate: nobody writes them.
  if (kind !== oid.encryptedData) throw new CannotOpen('unknownEncryption');
  const [, algorithm, encrypted] = children(child(content, 1));
  if (encrypted === undefined) throw new CannotOpen('notPkcs12');
  return decrypt(algorithm, octets(encrypted), passphrase);
}

function decrypt(algorithm: Asn1 | undefined, encrypted: string, passphrase: string): string {
  const [name, parameters] = children(algorithm);
  if (name === undefined || parameters === undefined) throw new CannotOpen('unknownEncryption');
  const kind = objectId(name);
  // PBES2 takes the passphrase as UTF-8 (RFC 8018 §3), the older schemes of PKCS#12 as UTF-16.
  const secret = kind === '1.2.840.113549.1.5.13' ? forge.util.encodeUtf8(passphrase) : passphrase;
  const cipher = started(kind, parameters, secret);
  cipher.update(forge.util.createBuffer(encrypted));
  if (!cipher.finish()) throw new CannotOpen('wrongPassphrase');
  return cipher.output.getBytes();
}

function started(kind: string, parameters: Asn1, secret: string) {
  try {
    return forge.pki.pbe.getCipher(kind, parameters, secret);
  } catch {
    throw new CannotOpen('unknownEncryption');
  }
}

function readSafe(safe: string, passphrase: string, into: Contents): void {
  for (const bag of children(parse(safe))) {
    const [kind, value] = [objectId(child(bag, 0)), explicit(child(bag, 1))];
    if (kind === oid.keyBag) into.keys.push(derOf(value));
    else if (kind === oid.shroudedKeyBag) into.keys.push(bytesOf(decrypt(child(value, 0), octets(child(value, 1)), passphrase)));
    else if (kind === oid.safeContentsBag) readSafe(forge.asn1.toDer(value).getBytes(), passphrase, into);
    else if (kind === oid.certBag && objectId(child(value, 0)) === oid.x509) into.certificates.push(bytesOf(octets(explicit(child(value, 1)))));
  }
}
