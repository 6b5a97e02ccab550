import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenFault } from './cannotOpen';
import { ecdsaToDer, toHex } from './der';
import { unfit } from './fit';
import { openOwnKey } from './ownKey';

let folder: string;
const passphrase = '签名 p@ss word';
const at = (name: string) => join(folder, name);
const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
const kinds = {
  rsa: ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  p256: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  pss: ['RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
  sm2: ['SM2'],
  ed25519: ['ED25519'],
  k1: ['EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
};

function certified(kind: keyof typeof kinds): void {
  openssl('genpkey', '-algorithm', ...kinds[kind], '-out', `${kind}.key`);
  const digest = kind === 'sm2' ? ['-sm3'] : [];
  openssl('req', '-x509', '-key', `${kind}.key`, '-out', `${kind}.pem`, '-days', '30', '-utf8', '-subj', '/O=市医院/CN=王建国', ...digest);
}

/** A file as OpenSSL writes it, with more arguments. */
function packed(name: string, kind: keyof typeof kinds, ...more: string[]): Uint8Array {
  openssl('pkcs12', '-export', '-inkey', `${kind}.key`, '-in', `${kind}.pem`, '-out', name, '-passout', `pass:${passphrase}`, ...more);
  return readFileSync(at(name));
}

async function faultOf(file: Uint8Array, secret = passphrase): Promise<OpenFault | null> {
  return openOwnKey(file, secret).then(
    () => null,
    (error: { fault: OpenFault }) => error.fault,
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'farsight-own-key-'));
  for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) certified(kind);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['rsa', 'rsa-pkcs1-sha256', ['-sha256']],
  ['p256', 'ecdsa-p256-sha256', ['-sha256']],
  ['p384', 'ecdsa-p384-sha384', ['-sha384']],
  ['pss', 'rsa-pss-sha256', ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32']],
] as const)('what a key of %s signs, OpenSSL verifies', async (kind, scheme, how) => {
  const key = await openOwnKey(packed(`${kind}.p12`, kind), passphrase);
  const { name, organisation, issuer } = key.certificate;
  expect({ name, organisation, issuer }).toEqual({ name: '王建国', organisation: '市医院', issuer: '王建国' });
  const fingerprint = openssl('x509', '-in', `${kind}.pem`, '-noout', '-fingerprint', '-sha256').toString().trim();
  expect(key.sha256.toUpperCase()).toBe(fingerprint.split('=')[1]?.replaceAll(':', ''));
  const message = new TextEncoder().encode('what is signed');
  writeFileSync(at('message'), message);
  writeFileSync(at('value'), await key.sign(scheme, message));
  openssl('x509', '-in', `${kind}.pem`, '-noout', '-pubkey', '-out', 'public.pem');
  expect(openssl('dgst', ...how, '-verify', 'public.pem', '-signature', 'value', 'message').toString()).toContain('Verified OK');
  await expect(key.sign(scheme === 'rsa-pkcs1-sha256' ? 'ecdsa-p256-sha256' : 'rsa-pkcs1-sha256', message)).rejects.toThrow('unknownKey');
});

test.each([
  ['Triple DES and RC2, SHA-1, as authorities have written for twenty years', ['-legacy']],
  ['Triple DES for both', ['-legacy', '-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES']],
  ['AES-128 and a MAC of SHA-384', ['-certpbe', 'AES-128-CBC', '-keypbe', 'AES-128-CBC', '-macalg', 'sha384']],
  ['certificates in the clear', ['-certpbe', 'NONE']],
  ['no MAC', ['-nomac']],
])('opens %s', async (_, more) => {
  for (const kind of ['rsa', 'p256'] as const) {
    const file = packed(`${kind}-more.p12`, kind, ...more);
    expect((await openOwnKey(file, passphrase)).certificate.name).toBe('王建国');
  }
});

test('the certificate of the key comes first, and the others with it', async () => {
  const file = packed('chain.p12', 'p256', '-certfile', at('rsa.pem'));
  const { chain, certificate } = await openOwnKey(file, passphrase);
  expect(chain).toHaveLength(2);
  expect(toHex(chain[0] ?? new Uint8Array())).toBe(toHex(certificate.der));
});

test('each file that cannot be used says why', async () => {
  const good = packed('good.p12', 'rsa');
  expect(await faultOf(good, 'another')).toBe('wrongPassphrase');
  expect(await faultOf(packed('old.p12', 'p256', '-legacy'), 'another')).toBe('wrongPassphrase');
  expect(await faultOf(good, '')).toBe('wrongPassphrase');
  expect(await faultOf(readFileSync(at('rsa.pem')))).toBe('notPkcs12');
  expect(await faultOf(good.subarray(0, good.length - 9))).toBe('notPkcs12');
  expect(await faultOf(new Uint8Array())).toBe('notPkcs12');
  expect(await faultOf(packed('sm2.p12', 'sm2'))).toBe('sm2');
  expect(await faultOf(packed('ed.p12', 'ed25519'))).toBe('unknownKey');
  expect(await faultOf(packed('k1.p12', 'k1'))).toBe('unknownKey');
  openssl('pkcs12', '-export', '-nokeys', '-in', 'rsa.pem', '-out', 'nokey.p12', '-passout', `pass:${passphrase}`);
  expect(await faultOf(readFileSync(at('nokey.p12')))).toBe('noKey');
  openssl('pkcs12', '-export', '-nocerts', '-inkey', 'rsa.key', '-out', 'nocert.p12', '-passout', `pass:${passphrase}`);
  expect(await faultOf(readFileSync(at('nocert.p12')))).toBe('noCertificate');
});

test('a changed file is refused, or has the same key', async () => {
  const good = packed('changed.p12', 'p256');
  const { sha256 } = await openOwnKey(good, passphrase);
  let refused = 0;
  for (let i = 0; i < good.length; i += 37) {
    const changed = Uint8Array.from(good);
    changed[i] = (changed[i] ?? 0) ^ 1;
    const opened = await openOwnKey(changed, passphrase).catch((error: Error) => error.name);
    if (typeof opened === 'string') {
      expect(opened).toBe('CannotOpen');
      refused += 1;
    } else expect(opened.sha256).toBe(sha256);
  }
  // A version that nobody reads, or a MAC of a kind that is not known, may pass.
  expect(refused).toBeGreaterThan(good.length / 37 - 5);
});

test('values of ECDSA are numbers without a sign, as short as can be', () => {
  const value = new Uint8Array(64);
  value[0] = 0x80;
  value[63] = 1;
  const der = ecdsaToDer(value);
  expect(Array.from(der.subarray(0, 6))).toEqual([0x30, 38, 0x02, 33, 0, 0x80]);
  expect(Array.from(der.subarray(37))).toEqual([0x02, 1, 1]);
});

test('a certificate that is not the signer’s, not in force or not registered is told', async () => {
  const key = await openOwnKey(packed('fit.p12', 'p256'), passphrase);
  const me = { name: '王建国', organisation: '市医院' };
  const { notBefore, notAfter } = key.certificate;
  expect(notAfter - notBefore).toBe(30 * 86_400_000);
  expect(unfit(key, me, key.sha256, notBefore)).toBe(null);
  expect(unfit(key, me, null, notAfter)).toBe(null);
  expect(unfit(key, { ...me, name: '李医师' }, key.sha256, notBefore)).toBe('otherPerson');
  expect(unfit(key, { ...me, organisation: '县医院' }, key.sha256, notBefore)).toBe('otherOrganisation');
  expect(unfit(key, me, key.sha256, notAfter + 1)).toBe('expired');
  expect(unfit(key, me, key.sha256, notBefore - 1)).toBe('notYet');
  expect(unfit(key, me, '00', notBefore)).toBe('notRegistered');
});
