/** Bits of overlay planes as they are needed, packed, within a budget: only of images that are on the screen. */
import { Problem } from '../../../api/problem';
import { fromBase64 } from '../dicomJson';
import { ask } from '../dicomweb';
import { KeptBytes } from '../keptBytes';
import { partsOf } from '../segments/segmentFrames';
import { aligned, bitOfPixels, bytesOf } from './bits';
import { isUnfit, type OverlayPlane } from './plane';

const askAgain_ms = 5_000;
const budget_bytes = 16 * 1024 * 1024;

export interface Wanted {
  plane: OverlayPlane;
  /** Of the plane itself, counted from 0. */
  frame: number;
  /** Address of the image's frame, in whose pixels the bits may be. */
  image: string;
}

/** The bits of a frame; none where there are fewer than its rows and columns say. */
export type FetchBits = (wanted: Wanted) => Promise<Uint8Array>;

/** @throws Problem, Unreachable or RangeError */
export async function fetchBits({ plane, frame, image }: Wanted): Promise<Uint8Array> {
  const { place, rows, columns } = plane;
  if (isUnfit(place)) throw new RangeError('it cannot be drawn');
  if (place.in === 'pixels') {
    const answer = await ask(image, 'multipart/related; type="application/octet-stream"');
    const [pixels] = partsOf(new Uint8Array(await answer.arrayBuffer()), rows * columns * place.bytesPerPixel, 1);
    return bitOfPixels(pixels ?? new Uint8Array(), place.bytesPerPixel, place.bit);
  }
  const { from, to, firstBit } = bytesOf(plane, frame);
  const bytes = place.in === 'metadata' ? fromBase64(place.base64).subarray(from, to) : await fetchRange(place.address, from, to);
  return bytes.length < to - from ? new Uint8Array() : aligned(bytes, firstBit, rows * columns);
}

/** However long the value is that the address leads to, no more than this comes. */
async function fetchRange(address: string, from: number, to: number): Promise<Uint8Array> {
  try {
    const answer = await ask(address, 'application/octet-stream', { Range: `bytes=${from}-${to - 1}` });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return answer.status === 206 ? bytes : bytes.subarray(from, to);
  } catch (error) {
    // It ends before this frame begins.
    if (error instanceof Problem && error.status === 416) return new Uint8Array();
    throw error;
  }
}

const keyOf = ({ plane, frame }: Wanted) => `${plane.key}/${frame}`;

export class OverlayBits {
  private readonly kept = new KeptBytes(budget_bytes);
  private readonly running = new Set<string>();
  private readonly failed = new Map<string, number>();
  private readonly short = new Set<string>();
  private readonly listeners = new Set<() => void>();
  /** Changes whenever something has come, or has not. */
  version = 0;

  constructor(
    private readonly fetch: FetchBits = fetchBits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get size_bytes(): number {
    return this.kept.size_bytes;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  /** `short`: there are fewer bits than rows and columns say, so that nobody knows where they belong. */
  get(wanted: Wanted): Uint8Array | 'failed' | 'short' | undefined {
    const key = keyOf(wanted);
    if (this.short.has(key)) return 'short';
    return this.kept.get(key) ?? (this.failed.has(key) ? 'failed' : undefined);
  }

  want(wanted: readonly Wanted[]): void {
    for (const one of wanted) if (this.isMissing(keyOf(one))) void this.bring(one);
  }

  private isMissing(key: string): boolean {
    const failedAt = this.failed.get(key);
    return !this.kept.has(key) && !this.short.has(key) && !this.running.has(key) && (failedAt === undefined || this.now() - failedAt > askAgain_ms);
  }

  private async bring(wanted: Wanted): Promise<void> {
    const key = keyOf(wanted);
    this.running.add(key);
    try {
      const bytes = await this.fetch(wanted);
      this.failed.delete(key);
      if (bytes.length * 8 < wanted.plane.rows * wanted.plane.columns) this.short.add(key);
      else this.kept.keep(key, bytes);
    } catch {
      this.failed.set(key, this.now());
    }
    this.running.delete(key);
    this.version += 1;
    this.listeners.forEach((tell) => tell());
  }
}
