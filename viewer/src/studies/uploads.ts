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
  | { kind: 'failed'; error: Problem | Unreachable };

export interface UploadItem {
  id: number;
  name: string;
  bytes: number;
  state: UploadState;
}

/** Sends one file; reports the share sent, 0 to 1. Rejects with Problem or Unreachable. */
export type Sender = (file: File, onProgress: (sent: number) => void) => Promise<Uploaded>;

export interface UploadPolicy {
  atOnce: number;
  attempts: number;
  pause_ms: (attempt: number) => number;
}

const policy: UploadPolicy = { atOnce: 3, attempts: 6, pause_ms: (attempt) => Math.min(30_000, 1_000 * 2 ** attempt) };

export class UploadQueue {
  private items: readonly UploadItem[] = [];
  private readonly waiting: { id: number; file: File }[] = [];
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

  add(files: readonly File[]): void {
    const added = files.map((file) => ({ id: this.nextId++, file }));
    this.waiting.push(...added);
    this.change([
      ...this.items,
      ...added.map(({ id, file }): UploadItem => ({ id, name: file.name, bytes: file.size, state: { kind: 'waiting' } })),
    ]);
    this.pump();
  }

  /** Forgets what is finished; what is under way goes on. */
  clearFinished(): void {
    this.change(this.items.filter(({ state }) => state.kind !== 'done' && state.kind !== 'failed'));
  }

  private pump(): void {
    while (this.active < this.limits.atOnce) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.active += 1;
      void this.deliver(next.id, next.file).finally(() => {
        this.active -= 1;
        this.pump();
      });
    }
  }

  private async deliver(id: number, file: File): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.set(id, { kind: 'sending', sent: 0 });
        const answer = await this.sendFile(file, (sent) => this.set(id, { kind: 'sending', sent }));
        this.set(id, { kind: 'done', answer });
        return;
      } catch (error) {
        const refused = error instanceof Problem && error.status !== 503;
        if (refused || attempt + 1 >= this.limits.attempts) {
          this.set(id, { kind: 'failed', error: error instanceof Problem ? error : new Unreachable() });
          return;
        }
        this.set(id, { kind: 'retrying', attempt: attempt + 1 });
        await new Promise((resolve) => setTimeout(resolve, this.limits.pause_ms(attempt)));
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

/** `fetch` tells nothing about how much has been sent; XHR does. */
async function sendByXhr(file: File, onProgress: (sent: number) => void): Promise<Uploaded> {
  try {
    return await postFile(file, onProgress);
  } catch (error) {
    if (error instanceof Problem && error.status === 401 && (await relogin())) return postFile(file, onProgress);
    throw error;
  }
}

function postFile(file: File, onProgress: (sent: number) => void): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', `${apiRoot}/uploads`);
    xhr.setRequestHeader('Content-Type', 'application/dicom');
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
