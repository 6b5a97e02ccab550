/**
 * Sends one file in pieces by tus 1.0.0, each with its checksum, and does not give up when the line breaks: it asks how far the
 * server has come and goes on there.
 */
import { apiRoot, relogin } from '../api/client';
import { Problem, Unreachable, isProblem, otherPerson, problemFrom } from '../api/problem';
import type { Me } from '../api/types';
import { personHeader, resumable } from './api';
import { pause, sendWatched } from './line';
import { base64, metadata } from './metadata';
import { pieceBytes } from './rate';
import { Sha256 } from './sha256';

export interface SendEvents {
  /** The upload has its address. */
  onBegun: (id: string) => void;
  /** So many bytes are on their way or there. */
  onSent: (bytes: number) => void;
  /** The line broke; it is tried again. */
  onBroken: () => void;
  onDone: () => void;
  onFailed: (error: Problem | Unreachable) => void;
}

/** A file under way. */
export interface Sending {
  start: () => void;
  pause: () => Promise<void>;
  /** Gives it up, here and on the server. */
  cancel: () => Promise<void>;
}

/** An answer to one request; status 0 when there was none. */
export interface Answer {
  status: number;
  header: (name: string) => string | null;
  body: string;
}

/** One request; XHR, because `fetch` tells nothing of how much has been sent. */
export type Ask = (
  method: string,
  url: string,
  headers: Record<string, string>,
  body: Blob | null,
  options: { signal: AbortSignal; onSent: (bytes: number) => void },
) => Promise<Answer>;

const firstPieceBytes = 1024 * 1024;
const pauses_ms = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
/** A busy or restarting server, an offset that is not what we thought, a piece that did not arrive whole, no answer. */
const passing = new Set([0, 401, 408, 409, 423, 460, 500, 502, 503, 504]);

/** Stopped from outside: no fault. */
class Stopped extends Error {}

/** Sends a file as the person with this id, and as nobody else: the cookie may have become another's in another tab. */
export function sendFile(
  file: File,
  fingerprint: string,
  uploadId: string | null,
  person: string,
  events: SendEvents,
  ask: Ask = askByXhr,
): Sending {
  let url = uploadId === null ? null : `${resumable}/${uploadId}`;
  let abort = new AbortController();
  let bytes = firstPieceBytes;
  const ours = { 'Tus-Resumable': '1.0.0', 'X-Farsight': '1', [personHeader]: person };

  const call = async (method: string, to: string, headers: Record<string, string>, body: Blob | null, onSent: (sent: number) => void) => {
    const { signal } = abort;
    const answer = await ask(method, to, { ...ours, ...headers }, body, { signal, onSent });
    if (signal.aborted) throw new Stopped();
    if (answer.status < 200 || answer.status >= 300) throw answer;
    return answer;
  };

  const mustBeTheSamePerson = async (): Promise<void> => {
    const { body } = await call('GET', `${apiRoot}/session`, {}, null, () => undefined);
    if ((JSON.parse(body) as Me).person.id !== person) throw otherPerson();
  };

  /** Where the server wants to go on; begins an upload where there is none, or none any more. */
  const offset = async (): Promise<number> => {
    await mustBeTheSamePerson();
    if (url !== null) {
      const known = await call('HEAD', url, {}, null, () => undefined).catch((refused: Answer | Stopped) => {
        if (refused instanceof Stopped || refused.status !== 404) throw refused;
        return null;
      });
      if (known !== null) return Number(known.header('Upload-Offset'));
      // To another person it would be not there either.
      await mustBeTheSamePerson();
    }
    const told = metadata({ filename: file.name, fingerprint });
    const made = await call('POST', resumable, { 'Upload-Length': String(file.size), 'Upload-Metadata': told }, null, () => undefined);
    url = made.header('Location') ?? '';
    return 0;
  };

  const run = async (): Promise<void> => {
    const mine = abort;
    for (let failures = 0; ; ) {
      try {
        let at = await offset();
        events.onBegun(url?.split('/').pop() ?? '');
        while (at < file.size) {
          const piece = file.slice(at, at + bytes);
          const began = performance.now();
          const before = at;
          const headers = {
            'Content-Type': 'application/offset+octet-stream',
            'Upload-Offset': String(at),
            'Upload-Checksum': `sha256 ${await checksum(piece)}`,
          };
          if (mine.signal.aborted) return;
          const taken = await call('PATCH', url ?? '', headers, piece, (sent) => events.onSent(before + sent));
          at = Number(taken.header('Upload-Offset'));
          events.onSent(at);
          bytes = pieceBytes(piece.size, performance.now() - began);
          failures = 0;
        }
        events.onDone();
        return;
      } catch (error) {
        if (mine.signal.aborted) return;
        const answer = isAnswer(error) ? error : null;
        const refused = answer === null ? error : problemFrom(answer.status, answer.body);
        if (answer === null || !passing.has(answer.status) || isProblem(refused, 'other-person')) {
          events.onFailed(refused instanceof Problem ? refused : new Unreachable());
          return;
        }
        events.onBroken();
        // A line that breaks is a poor one.
        bytes = pieceBytes(bytes, Number.MAX_SAFE_INTEGER);
        if (answer.status === 401 && !(await relogin())) {
          events.onFailed(problemFrom(401, answer.body));
          return;
        }
        await pause(pauses_ms[Math.min(failures, pauses_ms.length - 1)] ?? 15_000, mine.signal);
        failures += 1;
        if (mine.signal.aborted) return;
      }
    }
  };

  return {
    start: () => {
      abort.abort();
      abort = new AbortController();
      void run();
    },
    pause: async () => abort.abort(),
    cancel: async () => {
      abort.abort();
      if (url === null) return;
      abort = new AbortController();
      await call('DELETE', url, {}, null, () => undefined);
    },
  };
}

function isAnswer(error: unknown): error is Answer {
  return typeof error === 'object' && error !== null && 'status' in error && 'header' in error;
}

async function checksum(piece: Blob): Promise<string> {
  return base64(new Sha256().update(new Uint8Array(await piece.arrayBuffer())).digest());
}

const askByXhr: Ask = (method, url, headers, body, { signal, onSent }) =>
  new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    const answer = (status: number) =>
      resolve({ status, header: (name) => xhr.getResponseHeader(name), body: xhr.responseText });
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (body !== null) xhr.upload.onprogress = ({ loaded }) => onSent(loaded);
    xhr.onload = () => answer(xhr.status);
    xhr.onerror = () => answer(0);
    xhr.onabort = () => answer(0);
    signal.addEventListener('abort', () => xhr.abort());
    sendWatched(xhr, body);
  });
