/** Sheets of measurements: read from the server, and one's own saved, one at a time, never over what was not read. Knows nothing of React. */
import type { Measurement, MeasurementSheet } from '../../api/measurements';
import { Problem } from '../../api/problem';

export interface Listed extends Measurement {
  study: string;
  own: boolean;
  /** Whose, when it is not one's own. */
  name: string;
}

/** `notKept`: people in this role measure for themselves only. */
export type Saving = 'saved' | 'saving' | 'failed' | 'refused' | 'notKept';

export interface SheetCalls {
  list: (org: string, study: string) => Promise<MeasurementSheet[]>;
  save: (org: string, study: string, version: number, all: Measurement[]) => Promise<MeasurementSheet>;
}

interface Ties {
  calls: SheetCalls;
  /** One's own on the screen, by `org/study`. */
  onScreen: () => Map<string, Measurement[]>;
  keeps: 'own' | 'nothing';
  onSaving: (state: Saving) => void;
  /** A sheet was read: its measurements can be put on their images. */
  onRead: () => void;
}

const firstRetry_ms = 2_000;
const lastRetry_ms = 30_000;

export class MeasurementSheets {
  /** Own measurements on images that have not been on the screen, by `org/study`. */
  readonly waiting = new Map<string, Measurement[]>();
  readonly others: Listed[] = [];
  private readonly versions = new Map<string, number>();
  /** What is saved, as text, so that nothing is sent twice. */
  private readonly saved = new Map<string, string>();
  private readonly asked = new Set<string>();
  private readonly unread = new Set<string>();
  private readonly retries = new Set<ReturnType<typeof setTimeout>>();
  private running = Promise.resolve();
  private busy = false;
  /** Something changed while a sheet was on its way. */
  private again = false;
  private closed = false;

  constructor(private readonly ties: Ties) {}

  /** Reads the sheets of a study once; what cannot be read is asked for again, less and less often. */
  read(key: string): void {
    if (this.asked.has(key)) return;
    this.asked.add(key);
    void this.fetch(key, firstRetry_ms);
  }

  private async fetch(key: string, retry_ms: number): Promise<void> {
    try {
      const found = await this.ties.calls.list(...parts(key));
      if (this.closed) return;
      this.take(key, found);
      this.ties.onRead();
      await this.save();
    } catch (error) {
      if (this.closed) return;
      this.unread.add(key);
      this.ties.onSaving(this.state());
      if (error instanceof Problem && (error.status === 403 || error.status === 404)) return;
      const timer = setTimeout(() => {
        this.retries.delete(timer);
        void this.fetch(key, Math.min(retry_ms * 2, lastRetry_ms));
      }, retry_ms);
      this.retries.add(timer);
    }
  }

  private take(key: string, found: readonly MeasurementSheet[]): void {
    const own = found.find((sheet) => sheet.own);
    this.unread.delete(key);
    this.versions.set(key, own?.version ?? 0);
    this.waiting.set(key, own?.measurements ?? []);
    this.saved.set(key, JSON.stringify(own?.measurements ?? []));
    const others = found.filter((sheet) => !sheet.own);
    this.others.push(...others.flatMap((sheet) => sheet.measurements.map((one) => ({ ...one, study: key, own: false, name: sheet.name }))));
  }

  /** Everything of one's own, read or drawn. */
  own(): Map<string, Measurement[]> {
    const onScreen = this.ties.onScreen();
    const keys = new Set([...this.versions.keys(), ...onScreen.keys()]);
    return new Map([...keys].map((key) => [key, [...(this.waiting.get(key) ?? []), ...(onScreen.get(key) ?? [])]]));
  }

  /** What was drawn on a study whose sheet is not read cannot be saved yet. */
  private state(): Saving {
    if (this.ties.keeps === 'nothing') return 'notKept';
    if (this.unread.size > 0) return 'failed';
    return [...this.ties.onScreen().keys()].some((key) => !this.versions.has(key)) ? 'saving' : 'saved';
  }

  async save(): Promise<void> {
    this.again = true;
    if (this.ties.keeps === 'nothing') {
      this.ties.onSaving('notKept');
      return;
    }
    if (!this.busy) this.running = this.run();
    await this.running;
  }

  private async run(): Promise<void> {
    this.busy = true;
    try {
      while (this.again && !this.closed) {
        this.again = false;
        for (const [key, all] of this.own()) await this.send(key, all);
      }
      if (!this.closed) this.ties.onSaving(this.state());
    } catch (error) {
      // Saved in another window meanwhile: what is here stays on the screen, and the page says so.
      if (!this.closed) this.ties.onSaving(error instanceof Problem && error.status === 412 ? 'refused' : 'failed');
    } finally {
      this.busy = false;
    }
  }

  private async send(key: string, all: Measurement[]): Promise<void> {
    const version = this.versions.get(key);
    const text = JSON.stringify(all);
    if (version === undefined || text === this.saved.get(key)) return;
    if (!this.closed) this.ties.onSaving('saving');
    const sheet = await this.ties.calls.save(...parts(key), version, all);
    this.versions.set(key, sheet.version);
    this.saved.set(key, text);
  }

  /** Sends the last words. What is on the screen is read before this returns, so that it can be cleared then. */
  close(): Promise<void> {
    const last = this.own();
    this.closed = true;
    this.retries.forEach(clearTimeout);
    return this.ties.keeps === 'nothing' ? Promise.resolve() : this.sendLast(last);
  }

  private async sendLast(last: ReadonlyMap<string, Measurement[]>): Promise<void> {
    await this.running;
    const sent = [...last].map(async ([key, all]) => {
      if (this.versions.has(key)) return this.send(key, all);
      // Its sheet was never read: what is on it must not be lost either.
      this.take(key, await this.ties.calls.list(...parts(key)));
      return this.send(key, [...(this.waiting.get(key) ?? []), ...all]);
    });
    await Promise.allSettled(sent);
  }
}

function parts(key: string): [org: string, study: string] {
  const [org = '', study = ''] = key.split('/');
  return [org, study];
}
