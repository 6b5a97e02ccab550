/**
 * Saving a report while it is written: what is on the page, what the server has, and when to send.
 * Knows nothing of React; time and the server come in as parameters.
 */
import { Problem } from '../api/problem';
import type { ReportDraft } from '../api/types';

export type SaveState =
  | { kind: 'saved'; at: number | null }
  | { kind: 'unsaved' }
  | { kind: 'saving' }
  | { kind: 'offline' }
  | { kind: 'refused'; error: Problem };

export interface SaverPorts {
  save: (version: number, report: ReportDraft) => Promise<{ version: number }>;
  /** The version to try again with after the server found ours stale. */
  currentVersion: () => Promise<number>;
  /** Keeps unsent words in this browser; `null` once the server has them. */
  keep: (report: ReportDraft | null) => void;
  now: () => number;
  changed: (state: SaveState) => void;
}

const typingPause_ms = 800;
const lookingPause_ms = 3_000;
const retry_ms = 5_000;

export class ReportSaver {
  private report: ReportDraft;
  private dirty = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;

  constructor(
    report: ReportDraft,
    private version: number,
    private readonly ports: SaverPorts,
  ) {
    this.report = report;
  }

  get currentVersion(): number {
    return this.version;
  }

  /** Words changed: soon. Another image was looked at: no hurry. */
  change(part: Partial<ReportDraft>): void {
    this.report = { ...this.report, ...part };
    this.dirty = true;
    const typed = part.displayed === undefined;
    if (typed) {
      this.ports.keep(this.report);
      this.ports.changed({ kind: 'unsaved' });
    }
    this.schedule(typed ? typingPause_ms : lookingPause_ms);
  }

  /** Sends what is unsent, now. Afterwards the server has every word, or the promise rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    while (this.dirty || this.running !== null) {
      await (this.running ?? this.send());
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    if (this.dirty) void this.send().catch(() => undefined);
  }

  private schedule(pause_ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.flush().catch(() => undefined);
    }, pause_ms);
  }

  private send(): Promise<void> {
    this.running = this.deliver().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async deliver(): Promise<void> {
    const sent = this.report;
    this.dirty = false;
    this.ports.changed({ kind: 'saving' });
    try {
      const { version } = await this.saveOnCurrentVersion(sent);
      this.version = version;
      if (!this.dirty) this.ports.keep(null);
      this.ports.changed(this.dirty ? { kind: 'unsaved' } : { kind: 'saved', at: this.ports.now() });
    } catch (error) {
      this.dirty = true;
      if (error instanceof Problem) {
        this.ports.changed({ kind: 'refused', error });
      } else {
        this.ports.changed({ kind: 'offline' });
        this.schedule(retry_ms);
      }
      throw error;
    }
  }

  private async saveOnCurrentVersion(report: ReportDraft): Promise<{ version: number }> {
    try {
      return await this.ports.save(this.version, report);
    } catch (error) {
      if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 412)) throw error;
      // The case moved on (a timeline entry, say) while its reader stayed the same: our words still count.
      const version = await this.ports.currentVersion();
      if (version === this.version) throw error;
      return this.ports.save(version, report);
    }
  }
}
