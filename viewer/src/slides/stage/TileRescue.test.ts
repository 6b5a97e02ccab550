import type OpenSeadragon from 'openseadragon';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TileRescue, type TileState } from './TileRescue';

type Handler = (event: unknown) => void;

class Emitter {
  private readonly handlers = new Map<string, Handler[]>();

  addHandler(name: string, handler: Handler): void {
    this.handlers.set(name, [...(this.handlers.get(name) ?? []), handler]);
  }

  raise(name: string, event: unknown): void {
    for (const handler of this.handlers.get(name) ?? []) handler(event);
  }
}

/** A viewer that asks for tiles again when it is redrawn, and gets those that are not damaged. */
class Viewer extends Emitter {
  readonly world = Object.assign(new Emitter(), { getItemAt: () => ({ getFullyLoaded: () => true }) });
  readonly damaged = new Set<string>();
  private readonly failed = new Map<object, { url: string; image: object }>();

  /** A tile that does not come. */
  fail(url: string, image: object): void {
    const tile = { getUrl: () => url, exists: false };
    this.failed.set(tile, { url, image });
    this.raise('tile-load-failed', { tile, tiledImage: image });
  }

  forceRedraw(): void {
    const again = [...this.failed].filter(([tile]) => (tile as { exists: boolean }).exists);
    for (const [tile, { url, image }] of again) {
      this.failed.delete(tile);
      if (this.damaged.has(url)) this.fail(url, image);
    }
  }
}

function rescue() {
  const viewer = new Viewer();
  const said: TileState[] = [];
  const made = new TileRescue(viewer as unknown as OpenSeadragon.Viewer, async () => undefined, {
    onTiles: (state) => said.push(state),
    onHopeless: () => undefined,
  });
  return { viewer, said, made };
}

/** Longer than all tries of a tile take together. */
const longEnough_ms = 120_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a tile that comes in the end is not spoken of any more', async () => {
  const { viewer, said } = rescue();
  viewer.fail('/a', {});
  await vi.advanceTimersByTimeAsync(longEnough_ms);
  expect(said).toEqual(['retrying', 'whole']);
});

test('what is lost stays lost when another tile comes at the second try', async () => {
  const { viewer, said } = rescue();
  viewer.damaged.add('/a');
  viewer.fail('/a', {});
  await vi.advanceTimersByTimeAsync(longEnough_ms);
  expect(said.at(-1)).toBe('lost');
  viewer.fail('/b', {});
  expect(said.at(-1)).toBe('retrying');
  await vi.advanceTimersByTimeAsync(longEnough_ms);
  expect(said.at(-1)).toBe('lost');
});

test('what was lost of one focal plane is not said of another', async () => {
  const { viewer, said } = rescue();
  const plane = {};
  viewer.damaged.add('/a?z=0');
  viewer.fail('/a?z=0', plane);
  await vi.advanceTimersByTimeAsync(longEnough_ms);
  expect(said.at(-1)).toBe('lost');
  viewer.world.raise('remove-item', { item: plane });
  expect(said.at(-1)).toBe('whole');
  viewer.damaged.clear();
  viewer.fail('/a?z=0', {});
  await vi.advanceTimersByTimeAsync(longEnough_ms);
  expect(said.at(-1), 'and back on the first, it is asked for again').toBe('whole');
});
