/** What fingers on something to draw on mean: one draws, two move the slide. Pure: where they are comes in. */
import type { Point } from './geometry';

export type Pair = readonly [Point, Point];

export type FingerAct =
  | { kind: 'press' | 'move' | 'release'; at: Point }
  /** What the last press began was not meant. */
  | { kind: 'cancel' }
  | { kind: 'pinch'; from: Pair; to: Pair };

/** A finger that has moved less than this has only been put down. */
const still_px = 8;

/** `resting`: one finger lies there, and another may still come; `moving`: nothing is drawn until all are lifted. */
type Phase = 'resting' | 'drawing' | 'moving';

export class Fingers {
  private readonly down = new Map<number, Point>();
  private phase: Phase = 'resting';
  private began: Point = { x: 0, y: 0 };

  put(id: number, at: Point): FingerAct[] {
    this.down.set(id, at);
    if (this.down.size === 1) {
      this.phase = 'resting';
      this.began = at;
      return [];
    }
    return this.stopDrawing();
  }

  move(id: number, at: Point): FingerAct[] {
    if (!this.down.has(id)) return [];
    const from = this.pair();
    this.down.set(id, at);
    const to = this.pair();
    if (this.phase === 'moving') return from === null || to === null ? [] : [{ kind: 'pinch', from, to }];
    if (this.phase === 'drawing') return [{ kind: 'move', at }];
    if (Math.hypot(at.x - this.began.x, at.y - this.began.y) < still_px) return [];
    this.phase = 'drawing';
    return [
      { kind: 'press', at: this.began },
      { kind: 'move', at },
    ];
  }

  lift(id: number, at: Point): FingerAct[] {
    if (!this.down.delete(id) || this.phase === 'moving') return [];
    if (this.phase === 'drawing') return [{ kind: 'release', at }];
    return [
      { kind: 'press', at: this.began },
      { kind: 'release', at: this.began },
    ];
  }

  /** The browser has taken the finger for itself. */
  lose(id: number): FingerAct[] {
    return this.down.delete(id) ? this.stopDrawing() : [];
  }

  private stopDrawing(): FingerAct[] {
    const drew = this.phase === 'drawing';
    this.phase = 'moving';
    return drew ? [{ kind: 'cancel' }] : [];
  }

  private pair(): Pair | null {
    const [one, other] = this.down.values();
    return one === undefined || other === undefined ? null : [one, other];
  }
}
