/** Frames of segmentations as they travel, packed, within a budget: those of the image on the screen first, then its neighbours'. */
import { ask } from '../dicomweb';
import { KeptBytes } from '../keptBytes';
import { frameBytes, type Segmentation } from './segmentation';

const mib = 1024 * 1024;
/** Of one request, so that a thin line brings the nearest first. */
const requestBytesMax = mib;
const requestFramesMax = 64;
const askAgain_ms = 5_000;

export type FetchFrames = (of: Segmentation, frames: readonly number[]) => Promise<Uint8Array[]>;

/** The parts of a multipart answer (RFC 2046 §5.1), which are all so many bytes long, or one more to be even. */
export function partsOf(body: Uint8Array, bytes: number, count: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const isBreak = (at: number) => body[at] === 13 && body[at + 1] === 10;
  for (let at = 0; at + 3 < body.length && parts.length < count; at += 1) {
    // A part begins after an empty line; what it holds is stepped over, so that no pixels are taken for one.
    if (!isBreak(at) || !isBreak(at + 2)) continue;
    const from = at + 4;
    if (from + bytes > body.length) throw new RangeError('a frame is shorter than it says');
    parts.push(body.slice(from, from + bytes));
    at = from + bytes - 1;
  }
  if (parts.length !== count) throw new RangeError('frames are missing from the answer');
  return parts;
}

/** @throws Problem, Unreachable or RangeError */
export async function fetchFrames(of: Segmentation, frames: readonly number[]): Promise<Uint8Array[]> {
  const answer = await ask(`${of.address}/frames/${frames.join(',')}`, 'multipart/related; type="application/octet-stream"');
  return partsOf(new Uint8Array(await answer.arrayBuffer()), frameBytes(of), frames.length);
}

export interface Wanted {
  of: Segmentation;
  frame: number;
}

const keyOf = ({ of, frame }: Wanted) => `${of.address}/${frame}`;

export class SegmentFrames {
  private readonly kept: KeptBytes;
  private readonly running = new Set<string>();
  private readonly failed = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private soon: readonly Wanted[] = [];
  private isAhead = false;
  /** Changes whenever something has come, or has not. */
  version = 0;

  constructor(
    private readonly fetch: FetchFrames = fetchFrames,
    budget_bytes = 48 * mib,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.kept = new KeptBytes(budget_bytes);
  }

  get size_bytes(): number {
    return this.kept.size_bytes;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  get(of: Segmentation, frame: number): Uint8Array | 'failed' | undefined {
    const key = keyOf({ of, frame });
    return this.kept.get(key) ?? (this.failed.has(key) ? 'failed' : undefined);
  }

  /** What is on the screen now, and what will be; earlier wishes that have not been asked for are forgotten. */
  want(now: readonly Wanted[], soon: readonly Wanted[]): void {
    for (const batch of this.batches(now)) void this.bring(batch);
    this.soon = soon;
    this.goAhead();
  }

  private isMissing(wanted: Wanted): boolean {
    const key = keyOf(wanted);
    const failedAt = this.failed.get(key);
    return !this.kept.has(key) && !this.running.has(key) && (failedAt === undefined || this.now() - failedAt > askAgain_ms);
  }

  /** Each of one segmentation, and of what one request may bring. */
  private batches(wanted: readonly Wanted[]): Wanted[][] {
    const batches: Wanted[][] = [];
    const filling = new Map<Segmentation, Wanted[]>();
    for (const one of wanted) {
      if (!this.isMissing(one)) continue;
      const most = Math.max(1, Math.min(requestFramesMax, Math.floor(requestBytesMax / frameBytes(one.of))));
      const has = filling.get(one.of);
      if (has !== undefined && has.length < most) {
        has.push(one);
        continue;
      }
      const made = [one];
      filling.set(one.of, made);
      batches.push(made);
    }
    return batches;
  }

  /** One request at a time for what is not on the screen yet. */
  private goAhead(): void {
    const [batch] = this.isAhead ? [] : this.batches(this.soon);
    if (batch === undefined) return;
    this.isAhead = true;
    // Asked for once: what the budget has no room for would come and go for ever.
    this.soon = this.soon.filter((one) => !batch.includes(one));
    void this.bring(batch).then(() => {
      this.isAhead = false;
      this.goAhead();
    });
  }

  private async bring(batch: readonly Wanted[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    for (const one of batch) this.running.add(keyOf(one));
    try {
      const frames = await this.fetch(first.of, batch.map(({ frame }) => frame));
      batch.forEach((one, at) => this.keep(keyOf(one), frames[at] ?? new Uint8Array()));
    } catch {
      for (const one of batch) this.failed.set(keyOf(one), this.now());
    }
    for (const one of batch) this.running.delete(keyOf(one));
    this.version += 1;
    this.listeners.forEach((tell) => tell());
  }

  private keep(key: string, bytes: Uint8Array): void {
    this.failed.delete(key);
    this.kept.keep(key, bytes);
  }
}
