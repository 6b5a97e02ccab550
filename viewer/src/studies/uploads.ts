/**
 * The queue behind "drop files here": what the server holds already is not sent; the rest a few at a time, progress per file,
 * patient with a poor network, and an answer for every file. Knows nothing of React.
 */
import { apiRoot, relogin } from '../api/client';
import { Problem, Unreachable, problemFrom } from '../api/problem';
import type { Uploaded } from '../api/types';
import type { HeldInstance } from '../uploads/api';
import { headOf, type Head } from '../uploads/head';
import { growingParts, heldFiles, type HeldFiles } from '../uploads/held';
import { askBeforeLeavingWhile } from '../uploads/leaving';
import { pause, sendWatched } from '../uploads/line';
import { Rate, type Pace } from '../uploads/rate';

export type UploadState =
  | { kind: 'waiting' }
  | { kind: 'sending'; sent: number }
  | { kind: 'retrying'; attempt: number }
  | { kind: 'done'; answer: Uploaded }
  /** The server had it, byte for byte: it was not sent. */
  | { kind: 'there'; answer: Uploaded }
  | { kind: 'failed'; error: Problem | Unreachable }
  /** It was not sent: it is nothing that is kept here, or somebody did not want it sent after all. */
  | { kind: 'skipped'; why: 'other' | 'paper' | 'stopped' };

/** Where a file goes, and with which words. */
export interface Target {
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Study Instance UID, where it is known before the file is read. */
  study?: string | undefined;
}

const asDicom: Target = { path: '/uploads', headers: { 'Content-Type': 'application/dicom' } };

export interface UploadItem {
  id: number;
  name: string;
  bytes: number;
  /** Study Instance UID; `null` as long as nobody can tell. */
  study: string | null;
  state: UploadState;
}

/** Sends one file; reports the share sent, 0 to 1. Rejects with Problem or Unreachable. */
export type Sender = (file: File, onProgress: (sent: number) => void, target: Target, signal: AbortSignal) => Promise<Uploaded>;

interface Source {
  id: number;
  file: File;
  target: Target;
  abort: AbortController;
}

export interface UploadPolicy {
  atOnce: number;
  attempts: number;
  pause_ms: (attempt: number) => number;
}

/** A township's line may be away for half an hour. */
const policy: UploadPolicy = { atOnce: 3, attempts: 60, pause_ms: (attempt) => Math.min(30_000, 1_000 * 2 ** attempt) };

export class UploadQueue {
  private items: readonly UploadItem[] = [];
  /** Of what is not there yet and may still be sent. */
  private readonly sources = new Map<number, Source>();
  private waiting: number[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly rate = new Rate();
  private active = 0;
  private nextId = 1;

  constructor(
    private readonly sendFile: Sender = sendByXhr,
    private readonly limits: UploadPolicy = policy,
    private readonly held: Pick<HeldFiles, 'find'> = heldFiles,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The same array until something changes, as useSyncExternalStore wants it. */
  readonly snapshot = (): readonly UploadItem[] => this.items;

  add(files: readonly File[], target: (file: File, index: number) => Target = () => asDicom): void {
    const added = files.map((file, index): Source => ({ id: this.nextId++, file, target: target(file, index), abort: new AbortController() }));
    for (const source of added) this.sources.set(source.id, source);
    this.change([
      ...this.items,
      ...added.map(({ id, file, target: { study = null } }): UploadItem => ({ id, name: file.name, bytes: file.size, study, state: { kind: 'waiting' } })),
    ]);
    this.take(added);
  }

  /** Only says that they are not sent, and why. */
  skip(files: readonly File[], why: 'other' | 'paper'): void {
    const skipped = files.map(({ name, size }): UploadItem => ({ id: this.nextId++, name, bytes: size, study: null, state: { kind: 'skipped', why } }));
    if (skipped.length > 0) this.change([...this.items, ...skipped]);
  }

  /** Sends again what failed of these. */
  retry(ids: readonly number[]): void {
    const failed = this.items.filter(({ id, state }) => ids.includes(id) && state.kind === 'failed').map(({ id }) => id);
    this.change(this.items.map((item) => (failed.includes(item.id) ? { ...item, state: { kind: 'waiting' } } : item)));
    // It may have arrived, and only the answer was lost.
    this.take(failed.map((id) => this.sources.get(id)).filter((source) => source !== undefined));
  }

  /** What is not there yet of these is not sent. */
  stop(ids: readonly number[]): void {
    const stopped = ids.filter((id) => this.sources.has(id));
    this.waiting = this.waiting.filter((id) => !stopped.includes(id));
    for (const id of stopped) {
      this.sources.get(id)?.abort.abort();
      this.sources.delete(id);
    }
    this.change(this.items.map((item) => (stopped.includes(item.id) ? { ...item, state: { kind: 'skipped', why: 'stopped' } } : item)));
  }

  /** Forgets what is finished, but not what failed; what is under way goes on. */
  clearFinished(): void {
    this.change(this.items.filter(({ state }) => state.kind === 'failed' || !isFinished(state)));
  }

  isBusy(): boolean {
    return this.items.some(({ state }) => !isFinished(state));
  }

  /** How far all of it is. */
  pace(): Pace {
    const [sent, bytes] = [sentBytes(this.items) + bytesThere(this.items), this.items.reduce((sum, item) => sum + (item.state.kind === 'skipped' ? 0 : item.bytes), 0)];
    return { sent, bytes, rate: this.rate.perSecond(), left_s: this.rate.left_s(bytes - sent) };
  }

  /** What the server may hold is asked about first; everything else is sent. */
  private take(sources: readonly Source[]): void {
    this.send(sources.filter(({ target }) => target !== asDicom));
    void this.lookAt(sources.filter(({ target }) => target === asDicom));
  }

  private send(sources: readonly Source[]): void {
    this.waiting.push(...sources.map(({ id }) => id));
    this.pump();
  }

  /** Whoever asks about a study waits for its files, and not for those of others: they say so before they are sent. */
  private async lookAt(sources: readonly Source[]): Promise<void> {
    for (const some of growingParts(sources)) {
      const looked: [Source, Head][] = [];
      for (const source of some) looked.push([source, await headOf(source.file)]);
      const studies = new Map(looked.map(([{ id }, { study }]) => [id, study]));
      this.change(this.items.map((item) => ({ ...item, study: studies.get(item.id) ?? item.study })));
      for (const [source, head] of looked) void this.sendUnlessHeld(source, head);
    }
  }

  private async sendUnlessHeld(source: Source, head: Head): Promise<void> {
    const { id, file, abort } = source;
    const held = await this.held.find(file, head, abort.signal, (attempt) => this.set(id, { kind: 'retrying', attempt }));
    if (abort.signal.aborted) return;
    if (held === null) return this.send([source]);
    this.sources.delete(id);
    this.set(id, { kind: 'there', answer: answerFor(held) });
  }

  private pump(): void {
    while (this.active < this.limits.atOnce) {
      const id = this.waiting.shift();
      if (id === undefined) return;
      const source = this.sources.get(id);
      if (source === undefined) continue;
      this.active += 1;
      void this.deliver(source).finally(() => {
        this.active -= 1;
        this.pump();
      });
    }
  }

  private async deliver({ id, file, target, abort: { signal } }: Source): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.set(id, { kind: 'sending', sent: 0 });
        const answer = await this.sendFile(file, (sent) => this.set(id, { kind: 'sending', sent }), target, signal);
        this.sources.delete(id);
        this.set(id, { kind: 'done', answer });
        return;
      } catch (error) {
        if (signal.aborted) return;
        const refused = error instanceof Problem && ![502, 503, 504].includes(error.status);
        if (refused || attempt + 1 >= this.limits.attempts) {
          this.set(id, { kind: 'failed', error: error instanceof Problem ? error : new Unreachable() });
          return;
        }
        this.set(id, { kind: 'retrying', attempt: attempt + 1 });
        await pause(this.limits.pause_ms(attempt), signal);
        if (signal.aborted) return;
      }
    }
  }

  private set(id: number, state: UploadState): void {
    // What was stopped stays so, whatever its request still says.
    const isStopped = ({ state: now }: UploadItem) => now.kind === 'skipped';
    this.change(this.items.map((item) => (item.id === id && !isStopped(item) ? { ...item, state, study: answerOf(state)?.study_instance_uid ?? item.study } : item)));
  }

  private change(items: readonly UploadItem[]): void {
    this.items = items;
    this.rate.note(sentBytes(items), performance.now());
    this.listeners.forEach((listener) => listener());
  }
}

function sentBytes(items: readonly UploadItem[]): number {
  return items.reduce((sum, { bytes, state }) => sum + (state.kind === 'done' ? bytes : state.kind === 'sending' ? bytes * state.sent : 0), 0);
}

/** The line has not carried them: they say nothing of how fast it is. */
function bytesThere(items: readonly UploadItem[]): number {
  return items.reduce((sum, { bytes, state }) => sum + (state.kind === 'there' ? bytes : 0), 0);
}

export function isFinished({ kind }: UploadState): boolean {
  return kind === 'done' || kind === 'there' || kind === 'failed' || kind === 'skipped';
}

/** What the server has of a file; `null` as long as it is not there. */
export function answerOf(state: UploadState): Uploaded | null {
  return state.kind === 'done' || state.kind === 'there' ? state.answer : null;
}

/** As if it had been sent now. */
function answerFor({ study_instance_uid, series_instance_uid, sop_instance_uid }: HeldInstance): Uploaded {
  return { study_instance_uid, series_instance_uid, sop_instance_uid, outcome: 'already_there' };
}

/** `fetch` tells nothing about how much has been sent; XHR does. */
const sendByXhr: Sender = async (...upload) => {
  try {
    return await postFile(...upload);
  } catch (error) {
    if (error instanceof Problem && error.status === 401 && (await relogin())) return postFile(...upload);
    throw error;
  }
};

const postFile: Sender = (file, onProgress, target, signal) => {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Unreachable());
    const xhr = new XMLHttpRequest();
    xhr.open('POST', apiRoot + target.path);
    for (const [name, value] of Object.entries(target.headers)) xhr.setRequestHeader(name, value);
    xhr.setRequestHeader('X-Farsight', '1');
    xhr.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total);
    xhr.onerror = () => reject(new Unreachable());
    xhr.onabort = () => reject(new Unreachable());
    xhr.onload = () => {
      if (xhr.status === 201) resolve(JSON.parse(xhr.responseText) as Uploaded);
      else reject(problemFrom(xhr.status, xhr.responseText));
    };
    signal.addEventListener('abort', () => xhr.abort());
    sendWatched(xhr, file);
  });
};

/** Uploads go on while the person looks at other pages. */
export const uploads = new UploadQueue();
askBeforeLeavingWhile(() => uploads.isBusy());
