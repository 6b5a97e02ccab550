import { expect, test } from 'vitest';
import { plan, Prefetcher, wanted, type ImageStore, type Reading } from './prefetch';

const mib = 1024 * 1024;
const bytes = mib / 2;

test('at first both sides alike, then twice as far ahead as behind', () => {
  expect(wanted(10, 100, 0, 5)).toEqual([10, 11, 9, 12, 8]);
  expect(wanted(10, 100, 1, 7)).toEqual([10, 11, 12, 9, 13, 14, 8]);
  expect(wanted(10, 100, -1, 4)).toEqual([10, 9, 8, 11]);
});

test('at the ends of a stack the rest of the room goes to the other side', () => {
  expect(wanted(0, 5, 1, 9)).toEqual([0, 1, 2, 3, 4]);
  expect(wanted(4, 5, 1, 9)).toEqual([4, 3, 2, 1, 0]);
});

test('stacks share the budget, and what a small one leaves goes to the other', () => {
  const ids = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}${index}`);
  const list = plan(
    [
      { imageIds: ids('a', 1000), index: 0, direction: 0, bytes },
      { imageIds: ids('b', 10), index: 0, direction: 0, bytes },
    ],
    100 * bytes,
  );
  expect(list.filter((id) => id.startsWith('b'))).toHaveLength(10);
  expect(list.filter((id) => id.startsWith('a'))).toHaveLength(90);
});

class Memory implements ImageStore {
  readonly kept = new Set<string>();
  readonly decoded = new Map<string, number>();
  peak = 0;
  has = (imageId: string) => this.kept.has(imageId);
  size = () => this.kept.size * bytes;
  load = async (imageId: string) => {
    await Promise.resolve();
    this.kept.add(imageId);
    this.decoded.set(imageId, (this.decoded.get(imageId) ?? 0) + 1);
    this.peak = Math.max(this.peak, this.size());
  };
  drop = (imageId: string) => void this.kept.delete(imageId);
}

/** Everything that was asked for has arrived. */
const settled = () => new Promise((done) => setImmediate(done));
const stack = Array.from({ length: 1500 }, (_, index) => `slice${index}`);
const at = (index: number, direction: Reading['direction']): Reading[] => [{ imageIds: stack, index, direction, bytes }];

test('1,500 slices of 512 kB stay within 256 MB, and one way through decodes each once', async () => {
  const memory = new Memory();
  const prefetcher = new Prefetcher(memory, 256 * mib);
  for (let index = 0; index < stack.length; index += 1) {
    prefetcher.read(at(index, 1));
    await settled();
    expect(memory.has(stack[index] ?? '')).toBe(true);
  }
  expect(memory.peak).toBeLessThanOrEqual(256 * mib);
  expect(memory.decoded.size).toBe(1500);
  expect(Math.max(...memory.decoded.values())).toBe(1);
});

test('a stack within the budget is decoded once however the reader wanders', async () => {
  const memory = new Memory();
  const prefetcher = new Prefetcher(memory, 1024 * mib);
  for (const index of [0, 700, 20, 1499, 3, 900]) {
    prefetcher.read(at(index, 0));
    for (let turn = 0; turn < 20; turn += 1) await settled();
  }
  expect(memory.decoded.size).toBe(1500);
  expect(Math.max(...memory.decoded.values())).toBe(1);
});

test('jumps far away stay within the budget, too', async () => {
  const memory = new Memory();
  const prefetcher = new Prefetcher(memory, 64 * mib);
  for (let turn = 0; turn < 60; turn += 1) {
    prefetcher.read(at((turn * 613) % 1500, turn % 2 === 0 ? 1 : -1));
    for (let wait = 0; wait < 20; wait += 1) await settled();
  }
  expect(memory.peak).toBeLessThanOrEqual(64 * mib);
});

test('an image that cannot be fetched is not asked for again and again', async () => {
  const memory = new Memory();
  let asked = 0;
  memory.load = async () => {
    asked += 1;
    throw new Error('broken');
  };
  const prefetcher = new Prefetcher(memory, 64 * mib);
  for (let turn = 0; turn < 5; turn += 1) {
    prefetcher.read([{ imageIds: ['a', 'b'], index: 0, direction: 1, bytes }]);
    await settled();
    await settled();
  }
  expect(asked).toBe(2);
  // Somebody has logged in again, or the server is back.
  prefetcher.retry();
  await settled();
  await settled();
  expect(asked).toBe(4);
});
