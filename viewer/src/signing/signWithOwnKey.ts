/** A report signed by a key that is open in this page: what it signs comes from the server, the values go back. */
import type { Consult } from '../api/types';
import { ownSignature } from './api';
import { fromBase64, toBase64 } from './der';
import type { OwnKey } from './ownKey';

export async function signWithOwnKey(
  key: OwnKey,
  consult: string,
  as: 'sign' | 'review',
  displayed: { version: number; canonical_sha256: string },
): Promise<Consult> {
  const asked = await ownSignature.begin(consult, as, displayed.version, displayed.canonical_sha256);
  const values: string[] = [];
  for (const message of asked.messages) values.push(toBase64(await key.sign(asked.algorithm, fromBase64(message))));
  return ownSignature.complete(consult, asked.transaction, values);
}
