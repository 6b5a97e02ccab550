/**
 * Which files the server holds already, byte for byte: they need not be sent. It is asked for many instances at once and says
 * the hashes of what it keeps; only files of those are hashed here. What is not proven to be the same is sent.
 */
import { Problem, Unreachable } from '../api/problem';
import { uploadsApi, type HeldInstance } from './api';
import { openHasher } from './hasher';
import type { Head } from './head';
import { pause } from './line';

/** What the server takes in one question. */
const instancesAtOnce = 1000;
/** A township's line may be away for half an hour. */
const attemptsMax = 60;
const pause_ms = (attempt: number) => Math.min(30_000, 1_000 * 2 ** attempt);

/** Files that are looked at before the first question: few, so that the line soon has something to do. */
const firstLookedAt = 8;

/** In their order: a few, then twice as many each time, so that a whole CD takes a few questions. */
export function* growingParts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0, count = firstLookedAt; from < all.length; from += count, count *= 2) yield all.slice(from, from + count);
}

interface Question {
  file: Blob;
  instance: string;
  dataSetAt: number;
  signal: AbortSignal;
  onBroken: (attempt: number) => void;
  answer: (held: HeldInstance | null) => void;
}

/** What it asks of the world; tests give their own. */
export interface HeldWorld {
  ask: typeof uploadsApi.held;
  openHasher: typeof openHasher;
  pause: typeof pause;
}

const world: HeldWorld = { ask: uploadsApi.held, openHasher, pause };

export class HeldFiles {
  private readonly toAsk: Question[] = [];
  private readonly toHash: { question: Question; held: HeldInstance }[] = [];
  private isAsking = false;
  private isHashing = false;

  constructor(private readonly outside: HeldWorld = world) {}

  /** What the server holds with the same bytes, or `null`. `onBroken` is told of each time that the line was not there. */
  find(file: Blob, { instance, dataSetAt }: Head, signal: AbortSignal, onBroken: (attempt: number) => void): Promise<HeldInstance | null> {
    if (instance === null) return Promise.resolve(null);
    return new Promise((answer) => {
      this.toAsk.push({ file, instance, dataSetAt, signal, onBroken, answer });
      void this.ask();
    });
  }

  /** Takes whatever is queued. */
  private async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    // What is asked for in one go is one question.
    await Promise.resolve();
    for (let some = this.toAsk.splice(0, instancesAtOnce); some.length > 0; some = this.toAsk.splice(0, instancesAtOnce)) {
      const known = await this.knownOf(some);
      for (const question of some) {
        const held = known.get(question.instance);
        if (held === undefined) question.answer(null);
        else this.toHash.push({ question, held });
      }
      void this.compare();
    }
    this.isAsking = false;
  }

  private async knownOf(some: readonly Question[]): Promise<Map<string, HeldInstance>> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const wanted = some.filter(({ signal }) => !signal.aborted);
      const [first] = wanted;
      if (first === undefined) break;
      try {
        const { held } = await this.outside.ask([...new Set(wanted.map(({ instance }) => instance))]);
        return new Map(held.map((one) => [one.sop_instance_uid, one]));
      } catch (error) {
        // A server that does not answer this takes files all the same.
        if (!passes(error)) break;
        first.onBroken(attempt + 1);
        await this.outside.pause(pause_ms(attempt), first.signal);
      }
    }
    return new Map();
  }

  private async compare(): Promise<void> {
    if (this.isHashing) return;
    this.isHashing = true;
    const hasher = this.outside.openHasher();
    for (let next = this.toHash.shift(); next !== undefined; next = this.toHash.shift()) {
      const { question, held } = next;
      const { file, dataSetAt, signal, answer } = question;
      const sha256 = signal.aborted ? null : await hasher.hash(file.slice(dataSetAt));
      answer(sha256 === held.sha256 ? held : null);
    }
    hasher.close();
    this.isHashing = false;
  }
}

function passes(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && [502, 503, 504].includes(error.status));
}

/** One for all queues of the page. */
export const heldFiles = new HeldFiles();
