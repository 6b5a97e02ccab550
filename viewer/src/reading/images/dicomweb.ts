/** What the viewer asks DICOMweb for, with the person's session. */
import { relogin } from '../../api/client';
import { noteServerDate, setReachable } from '../../api/connection';
import { Unreachable, problemFrom } from '../../api/problem';
import type { Instance } from './dicomJson';

/** @throws Problem or Unreachable */
export async function ask(address: string, accept: string, more: Readonly<Record<string, string>> = {}): Promise<Response> {
  const send = () => fetch(address, { headers: { Accept: accept, ...more }, credentials: 'same-origin' });
  let response: Response;
  try {
    response = await send();
    if (response.status === 401 && (await relogin())) response = await send();
  } catch {
    // Whoever waits for the line hears of it, and when it is back.
    setReachable(false);
    throw new Unreachable();
  }
  noteServerDate(response.headers.get('Date'));
  if (!response.ok) throw problemFrom(response.status, await response.text());
  return response;
}

export async function fetchMetadata(address: string): Promise<Instance[]> {
  return (await (await ask(address, 'application/dicom+json')).json()) as Instance[];
}

export async function fetchBytes(address: string): Promise<Uint8Array> {
  return new Uint8Array(await (await ask(address, 'application/octet-stream')).arrayBuffer());
}
