/**
 * Saving a report while it is written: what is on the page, what the server has, and when to send.
 * Knows nothing of React; time and the server come in as parameters.
 */
import { isWorthRetrying } from '../api/client';
import { Problem } from '../api/problem';
import type { ReportDraft } from '../api/types';
import { wordsOf, type Unsent } from './unsent';

export type SaveState =
  | { kind: 'saved'; at: number | null }
  /** Another window has saved, and nothing here was unsent: its words are shown. */
  | { kind: 'followed' }
  | { kind: 'unsaved' }
  | { kind: 'saving' }
  | { kind: 'offline' }
  | { kind: 'refused'; error: Problem }
  /** Somebody else, or another window, has written since: a person decides whose words count. */
  | { kind: 'overtaken'; mine: ReportDraft };

/** What the server holds of a report. */
export interface OnServer {
  version: number;
  report: ReportDraft | null;
}

export interface SaverPorts {
  save: (version: number, report: ReportDraft) => Promise<OnServer>;
  /** What the server holds, after it found our version stale. */
  current: () => Promise<OnServer>;
  /** Keeps unsent words in this browser; `null` once the server has them. */
  keep: (unsent: Unsent | null) => void;
  /** Another window has saved, and nothing was typed here: its words are gone on with, by another saver. */
  follow: (server: OnServer) => void;
  now: () => number;
  /** Whether the record is being signed or acted on: nothing may change it meanwhile. */
  isHeld: () => boolean;
  changed: (state: SaveState) => void;
}

const typingPause_ms = 800;
const lookingPause_ms = 3_000;
const retry_ms = 5_000;
/** Saves whose answer was lost that are remembered: the server may hold any of them. */
const attempts_max = 8;
/** Times that a save runs after a version that grows elsewhere meanwhile. */
const turns_max = 4;

/** A server that is starting, busy, or behind a gateway that does not reach it is as good as no network. */
function isPassing(error: Problem): boolean {
  return isWorthRetrying(error) || [429, 502, 504].includes(error.status);
}

export class ReportSaver {
  private dirty = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;
  private overtaken: Problem | null = null;
  /** Another saver goes on. */
  private left = false;
  private version: number;
  /** What the server held when it was last heard of: with the same words, nothing was typed here. */
  private base: string;
  /** What the server may hold if nobody else wrote. */
  private over: readonly string[];

  /** `report` is what is on the page, `server` what it was written over. */
  constructor(
    private report: ReportDraft,
    server: OnServer,
    private readonly ports: SaverPorts,
  ) {
    this.version = server.version;
    this.base = wordsOf(server.report);
    // Words that another window has kept may be on their way from there, too.
    this.over = [...new Set([this.base, wordsOf(report)])];
  }

  get currentVersion(): number {
    return this.version;
  }

  /** Whether the server has every word that was typed here. */
  get isIdle(): boolean {
    return !this.dirty && this.running === null && this.overtaken === null;
  }

  /** Words changed: soon. Another image was looked at: no hurry. */
  change(part: Partial<ReportDraft>): void {
    this.report = { ...this.report, ...part };
    this.dirty = true;
    const typed = part.displayed === undefined;
    if (typed) {
      this.keep();
      this.ports.changed(this.overtaken === null ? { kind: 'unsaved' } : { kind: 'overtaken', mine: this.report });
    }
    if (this.overtaken === null) this.schedule(typed ? typingPause_ms : lookingPause_ms);
  }

  /** Images were on the screen. */
  saw(images: Iterable<string>): void {
    const displayed = new Set([...this.report.displayed, ...images]);
    if (displayed.size > this.report.displayed.length) this.change({ displayed: [...displayed] });
  }

  /** The record has moved on. Says whether its words are still those that ours were written over: then ours go over this version. */
  heard(server: OnServer): boolean {
    if (!this.isWrittenOver(server.report, this.report)) return false;
    this.version = Math.max(this.version, server.version);
    this.takeIn(server);
    return true;
  }

  /** Images that another window of the same reader has displayed: whoever takes a case over has displayed none. */
  private takeIn(server: OnServer): void {
    const displayed = new Set([...this.report.displayed, ...(server.report?.displayed ?? [])]);
    this.report = { ...this.report, displayed: [...displayed] };
  }

  /** Nothing is held any more. */
  resume(): void {
    if (this.dirty && this.overtaken === null) this.schedule(typingPause_ms);
  }

  /** Sends what is unsent, now. Afterwards the server has every word, or the promise rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    if (this.overtaken !== null) throw this.overtaken;
    while (this.dirty || this.running !== null) {
      await (this.running ?? this.send());
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    if (this.dirty && this.overtaken === null) void this.send().catch(() => undefined);
  }

  /** It is signed, agreed to elsewhere, or another's: words still go, and are kept here if they are refused; a note of images is neither. */
  end(): void {
    if (wordsOf(this.report) === this.base) this.dirty = false;
    this.stop();
  }

  private keep(): void {
    this.ports.keep({ report: this.report, over: this.over });
  }

  private schedule(pause_ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.ports.isHeld()) return;
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
      const { version, report } = await this.saveOnCurrentVersion(sent);
      this.version = Math.max(this.version, version);
      this.base = wordsOf(report);
      this.over = [this.base];
      if (this.dirty) this.keep();
      else this.ports.keep(null);
      this.ports.changed(this.dirty ? { kind: 'unsaved' } : { kind: 'saved', at: this.ports.now() });
    } catch (error) {
      if (this.left) {
        this.dirty = false;
        throw error;
      }
      this.dirty = true;
      if (this.overtaken !== null) {
        this.keep();
        this.ports.changed({ kind: 'overtaken', mine: this.report });
      } else if (error instanceof Problem && !isPassing(error)) {
        this.keep();
        this.ports.changed({ kind: 'refused', error });
      } else {
        // It may have been kept all the same.
        this.over = [...this.over, wordsOf(sent)].slice(-attempts_max);
        this.keep();
        this.ports.changed({ kind: 'offline' });
        this.schedule(retry_ms);
      }
      throw error;
    }
  }

  private isWrittenOver(onServer: ReportDraft | null, report: ReportDraft): boolean {
    return [...this.over, wordsOf(report)].includes(wordsOf(onServer));
  }

  private async saveOnCurrentVersion(report: ReportDraft): Promise<OnServer> {
    let [version, sent] = [this.version, report];
    for (let turn = 1; ; turn += 1) {
      try {
        return await this.ports.save(version, sent);
      } catch (error) {
        if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 412) || turn === turns_max) throw error;
        const server = await this.ports.current();
        if (server.version === version) throw error;
        if (!this.isWrittenOver(server.report, report)) {
          if (wordsOf(report) === this.base) {
            // Images were looked at, no more.
            this.left = true;
            this.ports.follow(server);
          } else this.overtaken = error;
          throw error;
        }
        // The case moved on (a timeline entry, another window's images), but the words are those that ours were written over.
        this.takeIn(server);
        [version, sent] = [server.version, { ...report, displayed: this.report.displayed }];
      }
    }
  }
}
