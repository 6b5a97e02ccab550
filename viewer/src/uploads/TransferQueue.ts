/**
 * Large files and slides under way: one is sent after the other, each is recognised after a reload, and each goes on to
 * being imported as soon as its bytes are there, its hash is known and somebody has said whose it is; it is under way until
 * the server has said what became of it. Knows nothing of React.
 */
import { isProblem, otherPerson, type Problem, type Unreachable } from '../api/problem';
import { uploadsApi, type Particulars, type Refusal, type UploadInfo, type Whose } from './api';
import { fingerprint, isDicom } from './fingerprint';
import { hashFile } from './hasher';
import { headOf, type Head } from './head';
import { growingParts, heldFiles } from './held';
import { askBeforeLeavingWhile } from './leaving';
import { pause } from './line';
import { Rate } from './rate';
import { sendFile, type Sending } from './sender';

export type TransferState =
  | { kind: 'preparing' }
  | { kind: 'queued' }
  | { kind: 'sending' }
  | { kind: 'broken' }
  | { kind: 'paused' }
  /** Every byte is there. */
  | { kind: 'sent' }
  /** The server goes on with it. */
  | { kind: 'handedOver' }
  /** It is there: brought in, or not sent because the server had it byte for byte. */
  | { kind: 'there' }
  /** The server has not brought it in. */
  | { kind: 'refused'; refusal: Refusal | null }
  | { kind: 'failed'; error: Problem | Unreachable | null };

export interface Transfer {
  key: number;
  name: string;
  /** Id of the person who added it: it goes on as theirs or not at all. */
  person: string;
  bytes: number;
  sent: number;
  /** Bytes per second, and seconds that are left; `null` as long as nobody can tell. */
  rate: number | null;
  left_s: number | null;
  state: TransferState;
  /** DICOM files say themselves whose they are. */
  isSlide: boolean;
  /** Study Instance UID of a DICOM file; `null` as long as nobody can tell. */
  study: string | null;
  /** What the form says now. */
  of: Particulars;
  /** Somebody has answered the form, or begun to: what the file's name says comes too late. */
  touched: boolean;
  /** Somebody has looked at the form and said yes. */
  confirmed: boolean;
  /** What they have said yes to is that nobody knows yet. */
  unknown: boolean;
  uploadId: string | null;
}

interface Work {
  file: File;
  print: string;
  abort: AbortController;
  rate: Rate;
  sending: Sending | null;
  hash: ReturnType<typeof hashFile> | null;
  /** Told when the hash is not wanted any more. */
  stopped: () => void;
  sha256: string | null;
}

/** What a file is found to be. */
interface Look {
  /** Of a DICOM file. */
  head: Head | null;
  /** The upload of it that was begun and is not whole. */
  known: UploadInfo | undefined;
}

/** What the queue asks of the world; tests give their own. */
export interface TransferWorld {
  api: Pick<typeof uploadsApi, 'list' | 'get' | 'finish' | 'names' | 'whoIsIn'>;
  fingerprint: typeof fingerprint;
  isDicom: typeof isDicom;
  headOf: typeof headOf;
  held: Pick<typeof heldFiles, 'find'>;
  hashFile: typeof hashFile;
  sendFile: typeof sendFile;
  pause: typeof pause;
  now_ms: () => number;
}

const world: TransferWorld = { api: uploadsApi, fingerprint, isDicom, headOf, held: heldFiles, hashFile, sendFile, pause, now_ms: () => performance.now() };

/** Files that are read and hashed at once: disks are better at one thing after the other. */
const preparedAtOnce = 2;

/** Between two looks at what becomes of what was handed over. */
const look_ms = 1_500;

/** It is shown among what the server has. */
export function isWithServer({ state, uploadId }: Transfer): boolean {
  return uploadId !== null && (state.kind === 'handedOver' || state.kind === 'there');
}

export class TransferQueue {
  private items: readonly Transfer[] = [];
  private readonly work = new Map<number, Work>();
  private readonly listeners = new Set<() => void>();
  private readonly toPrepare: (() => Promise<void>)[] = [];
  private preparing = 0;
  private isFollowing = false;
  private nextKey = 1;
  private onHandedOver: () => void = () => undefined;

  constructor(private readonly outside: TransferWorld = world) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The same array until something changes. */
  readonly snapshot = (): readonly Transfer[] => this.items;

  /** Told when the server has taken over a file. */
  whenHandedOver(listener: () => void): void {
    this.onHandedOver = listener;
  }

  /** Files of the person with this id. */
  add(files: readonly File[], person: string): void {
    const added = files.map((file) => {
      const key = this.nextKey++;
      this.work.set(key, { file, print: '', abort: new AbortController(), rate: new Rate(), sending: null, hash: null, stopped: () => undefined, sha256: null });
      return {
        key,
        name: file.name,
        person,
        bytes: file.size,
        sent: 0,
        rate: null,
        left_s: null,
        state: { kind: 'preparing' } as const,
        isSlide: true,
        study: null,
        of: {},
        touched: false,
        confirmed: false,
        unknown: false,
        uploadId: null,
      };
    });
    this.change([...this.items, ...added]);
    void this.prefill(added);
    void this.lookAt(added.map(({ key }) => key));
  }

  /** The form's fields. What was confirmed is open again. */
  describe(key: number, of: Particulars): void {
    this.set(key, { of, touched: true, confirmed: false, unknown: false });
  }

  confirm(key: number): void {
    this.set(key, { touched: true, confirmed: true, unknown: false });
    void this.handOver(key);
  }

  /** Nobody knows yet whose it is: it is imported as that. */
  leaveUnknown(key: number): void {
    this.set(key, { of: {}, touched: true, confirmed: true, unknown: true });
    void this.handOver(key);
  }

  pause(key: number): void {
    const item = this.item(key);
    if (item === undefined || !['sending', 'broken', 'queued'].includes(item.state.kind)) return;
    this.set(key, { state: { kind: 'paused' }, rate: null, left_s: null });
    void this.work.get(key)?.sending?.pause();
    this.pump();
  }

  resume(key: number): void {
    const kind = this.item(key)?.state.kind;
    if (kind === 'refused') return this.sendAnew(key);
    if (kind !== 'paused' && kind !== 'failed') return;
    this.set(key, { state: { kind: 'queued' } });
    this.pump();
  }

  cancel(key: number): void {
    const work = this.work.get(key);
    work?.abort.abort();
    work?.hash?.stop();
    work?.stopped();
    void work?.sending?.cancel().catch(() => undefined);
    this.forget(key);
  }

  /** Takes what the server goes on with, or has refused, out of the list. */
  forget(key: number): void {
    this.work.delete(key);
    this.change(this.items.filter((item) => item.key !== key));
    this.pump();
  }

  /** Whether leaving the page would interrupt something. */
  isBusy(): boolean {
    return this.items.some(({ state }) => ['preparing', 'queued', 'sending', 'broken', 'sent'].includes(state.kind));
  }

  private async prefill(added: readonly Transfer[]): Promise<void> {
    try {
      const { found } = await this.outside.api.names(added.slice(0, 200).map(({ name }) => name));
      added.forEach(({ key }, index) => {
        if (this.item(key)?.touched === false) this.set(key, { of: found[index] ?? {} });
      });
    } catch {
      // The form begins empty.
    }
  }

  private prepareNext(): void {
    while (this.preparing < preparedAtOnce) {
      const next = this.toPrepare.shift();
      if (next === undefined) return;
      this.preparing += 1;
      void next().finally(() => {
        this.preparing -= 1;
        this.prepareNext();
      });
    }
  }

  /** What each file is, and whether it was begun or is there already; the others are made ready one after the other. */
  private async lookAt(keys: readonly number[]): Promise<void> {
    const begun = await this.unfinished();
    for (const some of growingParts(keys)) {
      const looked: [number, Look | null][] = [];
      for (const key of some) looked.push([key, await this.look(key, begun)]);
      for (const [key, look] of looked) if (look !== null) void this.prepareUnlessHeld(key, look);
    }
  }

  private async look(key: number, begun: readonly UploadInfo[]): Promise<Look | null> {
    const work = this.work.get(key);
    if (work === undefined) return null;
    try {
      const head = (await this.outside.isDicom(work.file)) ? await this.outside.headOf(work.file) : null;
      work.print = await this.outside.fingerprint(work.file);
      const known = begun.find((one) => one.fingerprint === work.print && one.bytes === work.file.size);
      // The form may have been answered before it was known what the file is.
      const confirmed = head !== null || this.item(key)?.confirmed === true;
      this.set(key, { isSlide: head === null, study: head?.study ?? null, confirmed });
      return { head, known };
    } catch {
      this.fail(key, null);
      return null;
    }
  }

  private async prepareUnlessHeld(key: number, { head, known }: Look): Promise<void> {
    const work = this.work.get(key);
    if (work === undefined) return;
    if (head !== null && known === undefined) {
      const held = await this.outside.held.find(work.file, head, work.abort.signal, () => undefined);
      if (held !== null && this.work.has(key)) return this.arrived(key, { study: held.study_instance_uid, sent: work.file.size });
    }
    this.toPrepare.push(() => this.prepare(key, known));
    this.prepareNext();
  }

  /** Done when the file is hashed. */
  private async prepare(key: number, known: UploadInfo | undefined): Promise<void> {
    const work = this.work.get(key);
    const person = this.item(key)?.person;
    if (work === undefined || person === undefined) return;
    try {
      const hashed = this.begin(key, work, known?.id ?? null, person);
      this.set(key, { sent: known?.offset ?? 0, uploadId: known?.id ?? null, state: { kind: 'queued' } });
      this.pump();
      await hashed;
    } catch {
      this.fail(key, null);
    }
  }

  /** Makes ready to go on with an upload, or with a new one; done when the file is hashed, or is not wanted any more. */
  private begin(key: number, work: Work, uploadId: string | null, person: string): Promise<void> {
    work.hash = this.outside.hashFile(work.file);
    // A hash that was stopped never comes.
    const stopped = new Promise<void>((resolve) => (work.stopped = resolve));
    const hashed = work.hash.sha256.then((sha256) => {
      work.sha256 = sha256;
      if (sha256 === null) this.fail(key, null);
      else void this.handOver(key);
    });
    work.sending = this.outside.sendFile(work.file, work.print, uploadId, person, {
      onBegun: (begun) => this.set(key, { uploadId: begun }),
      onSent: (sent) => this.noteSent(key, sent),
      onBroken: () => {
        work.rate.reset();
        if (this.item(key)?.state.kind === 'sending') this.set(key, { state: { kind: 'broken' }, rate: null, left_s: null });
      },
      onDone: () => {
        this.set(key, { state: { kind: 'sent' }, sent: work.file.size, rate: null, left_s: null });
        void this.handOver(key);
        this.pump();
      },
      onFailed: (error) => this.fail(key, error),
    });
    return Promise.race([hashed, stopped]);
  }

  /** What was refused is sent from its first byte, as another upload: the one that was refused is over. */
  private sendAnew(key: number): void {
    const [item, work] = [this.item(key), this.work.get(key)];
    if (item === undefined || work === undefined) return;
    void work.sending?.cancel().catch(() => undefined);
    // The file may be another by now.
    work.sha256 = null;
    work.rate.reset();
    void this.begin(key, work, null, item.person);
    this.set(key, { sent: 0, uploadId: null, state: { kind: 'queued' } });
    this.pump();
  }

  /** The person's uploads that were begun and are not whole. */
  private async unfinished(): Promise<readonly UploadInfo[]> {
    try {
      const { uploads } = await this.outside.api.list();
      return uploads.filter(({ state }) => state === 'receiving');
    } catch {
      return [];
    }
  }

  /** One file after the other: the first one there can be looked at while the next is sent. */
  private pump(): void {
    const busy = this.items.some(({ state }) => state.kind === 'sending' || state.kind === 'broken');
    const next = this.items.find(({ state }) => state.kind === 'queued');
    if (busy || next === undefined) return;
    this.set(next.key, { state: { kind: 'sending' } });
    this.work.get(next.key)?.sending?.start();
  }

  private noteSent(key: number, sent: number): void {
    const [item, work] = [this.item(key), this.work.get(key)];
    if (item === undefined || work === undefined) return;
    work.rate.note(sent, this.outside.now_ms());
    const moving = item.state.kind === 'broken' && sent > item.sent ? { state: { kind: 'sending' } as const } : {};
    this.set(key, { sent, rate: work.rate.perSecond(), left_s: work.rate.left_s(item.bytes - sent), ...moving });
  }

  /** Every byte, the hash and a yes: the server imports it from here on, whoever is still there. */
  private async handOver(key: number): Promise<void> {
    const [item, work] = [this.item(key), this.work.get(key)];
    if (item?.state.kind !== 'sent' || !item.confirmed || item.uploadId === null) return;
    const sha256 = work?.sha256;
    if (sha256 === undefined || sha256 === null) return;
    this.set(key, { state: { kind: 'handedOver' } });
    try {
      const now = await this.outside.api.whoIsIn();
      if (now.person.id !== item.person) throw otherPerson();
      await this.outside.api.finish(item.uploadId, sha256, whoseOf(item), item.person);
      this.onHandedOver();
      void this.follow();
    } catch (error) {
      this.set(key, { confirmed: !item.isSlide });
      this.fail(key, error as Problem | Unreachable);
    }
  }

  /** Looks after what was handed over until it is there or refused. */
  private async follow(): Promise<void> {
    if (this.isFollowing) return;
    this.isFollowing = true;
    const handedOver = () => this.items.filter(({ state }) => state.kind === 'handedOver');
    for (let some = handedOver(); some.length > 0; some = handedOver()) {
      for (const { key, uploadId } of some) if (uploadId !== null) await this.followOne(key, uploadId);
      await this.outside.pause(look_ms, new AbortController().signal);
    }
    this.isFollowing = false;
  }

  private async followOne(key: number, uploadId: string): Promise<void> {
    try {
      const { state, refusal } = await this.outside.api.get(uploadId);
      if (this.item(key)?.state.kind !== 'handedOver') return;
      if (state === 'ready') this.arrived(key, {});
      if (state === 'refused') this.set(key, { state: { kind: 'refused', refusal } });
    } catch (error) {
      // It was taken out of the list by somebody who has read what became of it. Over a line that breaks it is asked again.
      if (isProblem(error, 'not-found')) this.forget(key);
    }
  }

  private arrived(key: number, part: Partial<Transfer>): void {
    this.work.delete(key);
    this.set(key, { ...part, state: { kind: 'there' } });
  }

  private fail(key: number, error: Problem | Unreachable | null): void {
    this.set(key, { state: { kind: 'failed', error }, rate: null, left_s: null });
    this.pump();
  }

  private item(key: number): Transfer | undefined {
    return this.items.find((item) => item.key === key);
  }

  private set(key: number, part: Partial<Transfer>): void {
    this.change(this.items.map((item) => (item.key === key ? { ...item, ...part } : item)));
  }

  private change(items: readonly Transfer[]): void {
    this.items = items;
    this.listeners.forEach((listener) => listener());
  }
}

function whoseOf({ isSlide, unknown, of }: Transfer): Whose {
  if (!isSlide) return { of: {} };
  return unknown ? { of: {}, unknown: true } : { of };
}

/** Uploads go on while the person looks at other pages. */
export const transfers = new TransferQueue();
askBeforeLeavingWhile(() => transfers.isBusy());
