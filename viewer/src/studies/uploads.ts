/**
 * The queue behind "drop files here": a few at a time, progress per file, patient with a poor network,
 * and an answer for every file. Knows nothing of React.
 */
import { apiRoot, relogin } from '../api/client';
import { Problem, Unreachable, problemFrom } from '../api/problem';
import type { Uploaded } from '../api/types';

export type UploadState =
  | { kind: 'waiting' }
  | { kind: 'sending'; sent: number }
  | { kind: 'retrying'; attempt: number }
  | { kind: 'done'; answer: Uploaded }
  | { kind: 'failed'; error: Problem | Unreachable }
  /** It was not sent: it is nothing that is kept here. */
  | { kind: 'skipped'; why: 'other' | 'paper' };

/** Where a file goes, and with which words. */
export interface Target {
  path: string;
  headers: Readonly<Record<string, string>>;
}

const asDicom: Target = { path: '/uploads', headers: { 'Content-Type': 'application/dicom' } };

export interface UploadItem {
  id: number;
  name: string;
  bytes: number;
  state: UploadState;
}

/** Sends one file; reports the share sent, 0 to 1. Rejects with Problem or Unreachable. */
export type Sender = (file: File, onProgress: (sent: number) => void, target: Target) => Promise<Uploaded>;

export interface UploadPolicy {
  atOnce: number;
  attempts: number;
  pause_ms: (attempt: number) => number;
}

/** A township's line may be away for half an hour. */
const policy: UploadPolicy = { atOnce: 3, attempts: 60, pause_ms: (attempt) => Math.min(30_000, 1_000 * 2 ** attempt) };

export class UploadQueue {
  private items: readonly UploadItem[] = [];
  private readonly waiting: { id: number; file: File; target: Target }[] = [];
  private readonly listeners = new Set<() => void>();
  private active = 0;
  private nextId = 1;

  constructor(
    private readonly sendFile: Sender = sendByXhr,
    private readonly limits: UploadPolicy = policy,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The same array until something changes, as useSyncExternalStore wants it. */
  readonly snapshot = (): readonly UploadItem[] => this.items;

  add(files: readonly File[], target: (file: File, index: number) => Target = () => asDicom): void {
    const added = files.map((file, index) => ({ id: this.nextId++, file, target: target(file, index) }));
    this.waiting.push(...added);
    this.change([
      ...this.items,
      ...added.map(({ id, file }): UploadItem => ({ id, name: file.name, bytes: file.size, state: { kind: 'waiting' } })),
    ]);
    this.pump();
  }

  /** Only says that they are not sent, and why. */
  skip(files: readonly File[], why: 'other' | 'paper'): void {
    const skipped = files.map((file): UploadItem => ({ id: this.nextId++, name: file.name, bytes: file.size, state: { kind: 'skipped', why } }));
    if (skipped.length > 0) this.change([...this.items, ...skipped]);
  }

  /** Forgets what is finished; what is under way goes on. */
  clearFinished(): void {
    this.change(this.items.filter(({ state }) => !isFinished(state)));
  }

  private pump(): void {
    while (this.active < this.limits.atOnce) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.active += 1;
      void this.deliver(next.id, next.file, next.target).finally(() => {
        this.active -= 1;
        this.pump();
      });
    }
  }

  private async deliver(id: number, file: File, target: Target): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.set(id, { kind: 'sending', sent: 0 });
        const answer = await this.sendFile(file, (sent) => this.set(id, { kind: 'sending', sent }), target);
        this.set(id, { kind: 'done', answer });
        return;
      } catch (error) {
        const refused = error instanceof Problem && ![502, 503, 504].includes(error.status);
        if (refused || attempt + 1 >= this.limits.attempts) {
          this.set(id, { kind: 'failed', error: error instanceof Problem ? error : new Unreachable() });
          return;
        }
        this.set(id, { kind: 'retrying', attempt: attempt + 1 });
        await pause(this.limits.pause_ms(attempt));
      }
    }
  }

  private set(id: number, state: UploadState): void {
    this.change(this.items.map((item) => (item.id === id ? { ...item, state } : item)));
  }

  private change(items: readonly UploadItem[]): void {
    this.items = items;
    this.listeners.forEach((listener) => listener());
  }
}

export function isFinished({ kind }: UploadState): boolean {
  return kind === 'done' || kind === 'failed' || kind === 'skipped';
}

/** Over at once when the browser says that the line is back. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      globalThis.removeEventListener?.('online', done);
      resolve();
    }
    globalThis.addEventListener?.('online', done);
  });
}

/** `fetch` tells nothing about how much has been sent; XHR does. */
async function sendByXhr(file: File, onProgress: (sent: number) => void, target: Target): Promise<Uploaded> {
  try {
    return await postFile(file, onProgress, target);
  } catch (error) {
    if (error instanceof Problem && error.status === 401 && (await relogin())) return postFile(file, onProgress, target);
    throw error;
  }
}

function postFile(file: File, onProgress: (sent: number) => void, target: Target): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', apiRoot + target.path);
    for (const [name, value] of Object.entries(target.headers)) xhr.setRequestHeader(name, value);
    xhr.setRequestHeader('X-Farsight', '1');
    xhr.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total);
    xhr.onerror = () => reject(new Unreachable());
    xhr.onload = () => {
      if (xhr.status === 201) resolve(JSON.parse(xhr.responseText) as Uploaded);
      else reject(problemFrom(xhr.status, xhr.responseText));
    };
    xhr.send(file);
  });
}
