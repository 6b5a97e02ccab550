/** Sends one file in pieces by tus, each with its checksum, and does not give up when the line breaks. */
import { createSHA256 } from 'hash-wasm';
import { DefaultHttpStack, Upload, type DetailedError, type HttpRequest, type HttpStack } from 'tus-js-client';
import { relogin } from '../api/client';
import { Problem, Unreachable, problemFrom } from '../api/problem';
import { resumable } from './api';
import type { HashAnswer } from './hashWorker';
import { pieceBytes } from './rate';

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

const firstPieceBytes = 1024 * 1024;
/** As long as the page is open: the line may be gone for a night. */
const retryDelays = [500, 1_000, 2_000, 4_000, 8_000, ...Array<number>(100_000).fill(15_000)];

/** Adds `Upload-Checksum` to each piece, so that what a poor line has changed is sent again at once, not at the end. */
class CheckedHttpStack implements HttpStack {
  private readonly plain = new DefaultHttpStack({});

  getName(): string {
    return 'CheckedHttpStack';
  }

  createRequest(method: string, url: string): HttpRequest {
    const request = this.plain.createRequest(method, url);
    const { send, abort } = { send: request.send.bind(request), abort: request.abort.bind(request) };
    let aborted = false;
    request.abort = () => {
      aborted = true;
      return abort();
    };
    request.send = async (body: unknown) => {
      if (body instanceof Blob) request.setHeader('Upload-Checksum', `sha256 ${await checksum(body)}`);
      // Paused while it was computed: tus waits for no answer any more.
      return aborted ? new Promise(() => undefined) : send(body);
    };
    return request;
  }
}

async function checksum(piece: Blob): Promise<string> {
  const hash = await createSHA256();
  hash.init();
  hash.update(new Uint8Array(await piece.arrayBuffer()));
  return btoa(String.fromCharCode(...hash.digest('binary')));
}

/** `uploadId`: goes on with what is there of the same file. */
export function sendFile(file: File, fingerprint: string, uploadId: string | null, events: SendEvents): Sending {
  let pieceBegan = performance.now();
  const upload = new Upload(file, {
    endpoint: resumable,
    uploadUrl: uploadId === null ? undefined : `${resumable}/${uploadId}`,
    metadata: { filename: file.name, fingerprint },
    headers: { 'X-Farsight': '1' },
    chunkSize: firstPieceBytes,
    retryDelays,
    // The server lists unfinished uploads: nothing about patients stays in the browser.
    storeFingerprintForResuming: false,
    httpStack: new CheckedHttpStack(),
    onUploadUrlAvailable: () => events.onBegun(upload.url?.split('/').pop() ?? ''),
    onProgress: (sent) => events.onSent(sent),
    onChunkComplete: (bytes) => {
      const now = performance.now();
      upload.options.chunkSize = pieceBytes(bytes, now - pieceBegan);
      pieceBegan = now;
    },
    onShouldRetry: (error) => {
      const status = statusOf(error);
      if (!isPassing(status)) return false;
      if (status === 401) void relogin();
      events.onBroken();
      // A line that breaks is a poor one.
      upload.options.chunkSize = pieceBytes(upload.options.chunkSize ?? firstPieceBytes, Number.MAX_SAFE_INTEGER);
      pieceBegan = performance.now();
      return true;
    },
    onSuccess: () => events.onDone(),
    onError: (error) => events.onFailed(failure(error)),
  });
  return {
    start: () => {
      pieceBegan = performance.now();
      upload.start();
    },
    pause: () => upload.abort(),
    cancel: () => upload.abort(true),
  };
}

function statusOf(error: Error | DetailedError): number | null {
  return 'originalResponse' in error ? (error.originalResponse?.getStatus() ?? null) : null;
}

/** No answer at all, an answer that a busy or restarting server gives, or a piece that did not arrive whole. */
function isPassing(status: number | null): boolean {
  return status === null || status === 0 || [401, 408, 409, 423, 460, 500, 502, 503, 504].includes(status);
}

function failure(error: Error | DetailedError): Problem | Unreachable {
  const status = statusOf(error);
  if (status === null || status === 0) return new Unreachable();
  return problemFrom(status, 'originalResponse' in error ? (error.originalResponse?.getBody() ?? '') : '');
}

/** The file's SHA-256; `null` when it cannot be read. */
export function hashFile(file: File): { sha256: Promise<string | null>; stop: () => void } {
  const worker = new Worker(new URL('./hashWorker.ts', import.meta.url), { type: 'module' });
  const sha256 = new Promise<string | null>((resolve) => {
    worker.onmessage = (event: MessageEvent<HashAnswer>) => {
      resolve(event.data.sha256);
      worker.terminate();
    };
    worker.onerror = () => resolve(null);
    worker.postMessage(file);
  });
  return { sha256, stop: () => worker.terminate() };
}
