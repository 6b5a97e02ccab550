/** A key in the signer's own hands: opened from a file for as long as a dialog stands, and what it signs. */
import { CannotOpen } from './cannotOpen';
import type { Certificate } from './certificate';
import { ecdsaToDer, toHex } from './der';

/** How a signature is made; the names are the server's. */
const schemes = {
  'rsa-pkcs1-sha256': { import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, sign: { name: 'RSASSA-PKCS1-v1_5' } },
  'rsa-pss-sha256': { import: { name: 'RSA-PSS', hash: 'SHA-256' }, sign: { name: 'RSA-PSS', saltLength: 32 } },
  'ecdsa-p256-sha256': { import: { name: 'ECDSA', namedCurve: 'P-256' }, sign: { name: 'ECDSA', hash: 'SHA-256' } },
  'ecdsa-p384-sha384': { import: { name: 'ECDSA', namedCurve: 'P-384' }, sign: { name: 'ECDSA', hash: 'SHA-384' } },
} as const;

type SchemeName = keyof typeof schemes;

export interface OwnKey {
  certificate: Certificate;
  /** SHA-256 of the certificate, hexadecimal. */
  sha256: string;
  /** Certificates, DER: the signer's first, then whatever else is in the file. */
  chain: Uint8Array<ArrayBuffer>[];
  /** The value of a signature over a message, as CMS takes it. Refuses a scheme that is not the key's. */
  sign: (scheme: string, message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;
}

/** Where pages have no WebCrypto: on plain http from another machine. */
export const canSign = (): boolean => window.isSecureContext;

const algorithms: Record<string, SchemeName[] | 'sm2'> = {
  '1.2.840.113549.1.1.1': ['rsa-pkcs1-sha256'],
  '1.2.840.113549.1.1.10': ['rsa-pss-sha256'],
  '1.2.840.10045.3.1.7': ['ecdsa-p256-sha256'],
  '1.3.132.0.34': ['ecdsa-p384-sha384'],
  '1.2.156.10197.1.301': 'sm2',
};

/** @throws CannotOpen */
export async function openOwnKey(file: Uint8Array, passphrase: string): Promise<OwnKey> {
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) throw new CannotOpen('insecurePage');
  const [{ readPkcs12 }, { readCertificate }, { algorithmOf, forWebCrypto }] = await Promise.all([
    import('./pkcs12'),
    import('./certificate'),
    import('./pkcs8'),
  ]);
  const { keys, certificates } = readPkcs12(file, passphrase);
  const [pkcs8, another] = keys;
  if (pkcs8 === undefined) throw new CannotOpen('noKey');
  try {
    if (another !== undefined) throw new CannotOpen('severalKeys');
    const known = algorithms[algorithmOf(pkcs8)];
    if (known === undefined) throw new CannotOpen('unknownKey');
    if (known === 'sm2') throw new CannotOpen('sm2');
    const [scheme] = known;
    if (scheme === undefined) throw new CannotOpen('unknownKey');
    const key = await imported(() => subtle.importKey('pkcs8', forWebCrypto(pkcs8), schemes[scheme].import, false, ['sign']));
    const all = certificates.map(readCertificate);
    const own = await ofKey(subtle, key, scheme, all);
    if (own === undefined) throw new CannotOpen('noCertificate');
    return {
      certificate: own,
      sha256: toHex(new Uint8Array(await subtle.digest('SHA-256', own.der))),
      chain: [own, ...all.filter((one) => one !== own)].map(({ der }) => der),
      sign: async (wanted, message) => {
        if (wanted !== scheme) throw new CannotOpen('unknownKey');
        const value = new Uint8Array(await subtle.sign(schemes[scheme].sign, key, message));
        return scheme.startsWith('ecdsa') ? ecdsaToDer(value) : value;
      },
    };
  } finally {
    keys.forEach((one) => one.fill(0));
  }
}

async function imported(key: () => Promise<CryptoKey>): Promise<CryptoKey> {
  try {
    return await key();
  } catch {
    throw new CannotOpen('unknownKey');
  }
}

/** The certificate that what the key signs is verified by. */
async function ofKey(subtle: SubtleCrypto, key: CryptoKey, scheme: SchemeName, all: Certificate[]): Promise<Certificate | undefined> {
  const { forWebCryptoPublic } = await import('./pkcs8');
  const probe = new Uint8Array(32);
  const { import: kind, sign } = schemes[scheme];
  const value = await subtle.sign(sign, key, probe);
  for (const certificate of all) {
    const theirs = await subtle.importKey('spki', forWebCryptoPublic(certificate.publicKey), kind, false, ['verify']).catch(() => null);
    if (theirs !== null && (await subtle.verify(sign, theirs, value, probe))) return certificate;
  }
  return undefined;
}
