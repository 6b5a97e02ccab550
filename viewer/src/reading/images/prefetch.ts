/**
 * Images that are fetched before they are asked for: nearest first, further ahead in the direction of travel, and never
 * more than the memory budget allows. What is far away is let go for what is near; nothing near is let go and fetched again.
 */

/** One stack on the screen. The more a stack is read, the earlier it stands in the list. */
export interface Reading {
  imageIds: readonly string[];
  index: number;
  /** Where the reader is heading: 1 down the stack, -1 up, 0 not known. */
  direction: -1 | 0 | 1;
  /** Of one decoded image. */
  bytes: number;
}

/** Decoded images, wherever they are kept. */
export interface ImageStore {
  has: (imageId: string) => boolean;
  /** Bytes of all that is kept. */
  size: () => number;
  load: (imageId: string) => Promise<unknown>;
  drop: (imageId: string) => void;
}

/** Of three images, two lie ahead of a reader who is travelling. */
const ahead = 2;

/** Image numbers in the order in which they are wanted, from where the reader is, at most `room` of them. */
export function wanted(index: number, count: number, direction: Reading['direction'], room: number): number[] {
  const order: number[] = [];
  const take = (at: number) => {
    if (at >= 0 && at < count && order.length < room) order.push(at);
  };
  take(index);
  const forward = direction === 0 ? 1 : direction;
  const steps = direction === 0 ? 1 : ahead;
  for (let round = 0, front = 0; order.length < Math.min(room, count) && round < count; round += 1) {
    for (let step = 0; step < steps; step += 1) take(index + forward * (front += 1));
    take(index - forward * (round + 1));
  }
  return order;
}

/** All image ids that should be in memory, the most wanted first. Stacks share the budget. */
export function plan(readings: readonly Reading[], budget_bytes: number): string[] {
  const share = budget_bytes / Math.max(readings.length, 1);
  let spare = 0;
  const rooms = readings.map(({ imageIds, bytes }) => {
    const needed = imageIds.length * bytes;
    spare += Math.max(0, share - needed);
    return Math.min(share, needed);
  });
  const lists = readings.map(({ imageIds, index, direction, bytes }, at) => {
    let bytesOfOne = rooms[at] ?? 0;
    const more = Math.min(spare, Math.max(0, imageIds.length * bytes - bytesOfOne));
    spare -= more;
    bytesOfOne += more;
    const room = Math.max(1, Math.floor(bytesOfOne / Math.max(bytes, 1)));
    return wanted(index, imageIds.length, direction, room).flatMap((one) => imageIds[one] ?? []);
  });
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const merged = Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
  return [...new Set(merged)];
}

export class Prefetcher {
  private readings: readonly Reading[] = [];
  private queue: string[] = [];
  private readonly running = new Set<string>();
  private readonly failed = new Set<string>();
  /** What this prefetcher has brought or seen; others' images are not its to drop. */
  private readonly known = new Set<string>();
  private keep: ReadonlySet<string> = new Set();

  constructor(
    private readonly store: ImageStore,
    readonly budget_bytes: number,
    private readonly atOnce = 4,
  ) {}

  /** What is on the screens now. Called as often as that changes. */
  read(readings: readonly Reading[]): void {
    this.readings = readings;
    const list = plan(readings, this.budget_bytes);
    this.keep = new Set(list);
    for (const { imageIds, index } of readings) {
      const onScreen = imageIds[index];
      if (onScreen !== undefined) this.known.add(onScreen);
    }
    this.queue = list.filter((imageId) => !this.running.has(imageId) && !this.failed.has(imageId) && !this.store.has(imageId));
    this.makeRoom(0);
    this.pump();
  }

  /** What could not be fetched is asked for once more. */
  retry(): void {
    this.failed.clear();
    this.read(this.readings);
  }

  private pump(): void {
    while (this.running.size < this.atOnce) {
      const next = this.queue.shift();
      if (next === undefined) return;
      if (this.store.has(next)) continue;
      const bytes = this.readings.find(({ imageIds }) => imageIds.includes(next))?.bytes ?? 0;
      if (!this.makeRoom(bytes * (this.running.size + 1))) {
        this.queue = [];
        return;
      }
      this.running.add(next);
      this.known.add(next);
      this.store
        .load(next)
        .catch(() => this.failed.add(next))
        .finally(() => {
          this.running.delete(next);
          this.pump();
        });
    }
  }

  /** Lets go of what no plan wants until so many bytes are free; false when even that does not suffice. */
  private makeRoom(bytes: number): boolean {
    if (this.store.size() + bytes <= this.budget_bytes) return true;
    for (const imageId of this.known) {
      if (this.keep.has(imageId) || this.running.has(imageId)) continue;
      this.store.drop(imageId);
      this.known.delete(imageId);
      if (this.store.size() + bytes <= this.budget_bytes) return true;
    }
    return false;
  }
}
