import { expect, test } from 'vitest';
import { base64urlOf, bytesOf, canUsePasskeys } from './webauthn';

test('bytes go to the server and come back as they were', () => {
  const all = Uint8Array.from({ length: 256 }, (_, n) => n);
  const text = base64urlOf(all.buffer);
  expect(text).toMatch(/^[\w-]+$/);
  expect([...bytesOf(text)]).toEqual([...all]);
  expect(base64urlOf(bytesOf('-_8').buffer)).toBe('-_8');
});

test('a page of another host cannot ask for passkeys', () => {
  const hosts = ['localhost', '127.0.0.1', 'evil-localhost'];
  expect(hosts.filter((host) => canUsePasskeys('localhost', host))).toEqual('PublicKeyCredential' in globalThis ? ['localhost'] : []);
  expect(canUsePasskeys(null, 'localhost')).toBe(false);
});
