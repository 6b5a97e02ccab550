/** How fast bytes go, over the last while, and how long the rest takes. Knows no clock: times come in. */

export interface Pace {
  sent: number;
  bytes: number;
  /** Bytes per second, and seconds that are left; `null` as long as nobody can tell. */
  rate: number | null;
  left_s: number | null;
}

interface Mark {
  at_ms: number;
  bytes: number;
}

const window_ms = 20_000;

export class Rate {
  private marks: Mark[] = [];

  /** So many bytes have been sent by then. Fewer than before (a piece was sent again) begins anew. */
  note(bytes: number, at_ms: number): void {
    const last = this.marks.at(-1);
    if (last !== undefined && bytes < last.bytes) this.marks = [];
    this.marks.push({ at_ms, bytes });
    while (this.marks.length > 2 && at_ms - (this.marks[0]?.at_ms ?? at_ms) > window_ms) this.marks.shift();
  }

  reset(): void {
    this.marks = [];
  }

  /** Bytes per second; `null` as long as too little is known. */
  perSecond(): number | null {
    const first = this.marks[0];
    const last = this.marks.at(-1);
    if (first === undefined || last === undefined || last.at_ms - first.at_ms < 1_000) return null;
    return ((last.bytes - first.bytes) * 1000) / (last.at_ms - first.at_ms);
  }

  /** Seconds that the rest takes. */
  left_s(rest: number): number | null {
    const rate = this.perSecond();
    return rate === null || rate <= 0 ? null : rest / rate;
  }
}

const smallest = 512 * 1024;
const largest = 16 * 1024 * 1024;

/**
 * Bytes of the next piece, so that it takes about four seconds: that is the most that a break of the line costs, and
 * enough that the pauses between pieces do not count.
 */
export function pieceBytes(before: number, took_ms: number): number {
  const wanted = (before * 4_000) / Math.max(took_ms, 1);
  // No more than twice or half at once: one slow answer says little.
  const near = Math.min(Math.max(wanted, before / 2), before * 2);
  return Math.round(Math.min(Math.max(near, smallest), largest));
}
