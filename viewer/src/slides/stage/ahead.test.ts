import { beforeAll, expect, test, vi } from 'vitest';
import type { Slide, SlideLevel } from '../../api/types';
import { Ahead, drawnLevel, ring } from './ahead';

const level = (number: number, width: number, height: number): SlideLevel =>
  ({ level: number, width, height, tile_width: 256, tile_height: 256, tiles_x: Math.ceil(width / 256), tiles_y: Math.ceil(height / 256) }) as SlideLevel;
const slide = { id: 's', width: 25_600, height: 25_600, levels: [level(0, 25_600, 25_600), level(1, 6_400, 6_400), level(2, 1_600, 1_600)] } as Slide;
const view = (zoom: number, x = 12_800, y = 12_800, rotation_deg = 0) => ({ x, y, zoom, rotation_deg, mirrored: false });

test('the level that is drawn has at most two pixels for one of the screen', () => {
  expect(drawnLevel(slide, view(1))?.level).toBe(0);
  expect(drawnLevel(slide, view(0.5))?.level).toBe(0);
  expect(drawnLevel(slide, view(0.49))?.level).toBe(1);
  expect(drawnLevel(slide, view(0.01))?.level).toBe(2);
});

test('the ring is half a screen wide, leaves out what is seen, and begins beside it', () => {
  const screen = { width: 1_024, height: 512 };
  const places = ring(slide, view(1, 12_800 + 1, 12_800 + 1), screen);
  // Seen: 5 x 3 tiles (columns 48 to 52, rows 49 to 51). Half a screen further: 9 x 5.
  expect(places).toHaveLength(9 * 5 - 5 * 3);
  expect(places.some(({ x, y }) => x >= 48 && x <= 52 && y >= 49 && y <= 51)).toBe(false);
  const first = places[0];
  expect(first !== undefined && first.x >= 47 && first.x <= 53 && first.y >= 48 && first.y <= 52).toBe(true);
});

test('the ring ends at the edge of the slide', () => {
  for (const { x, y } of ring(slide, view(1, 0, 25_600), { width: 1_024, height: 512 })) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThan(100);
  }
  expect(ring(slide, view(0.01), { width: 1_024, height: 512 })).toEqual([]);
});

test('a turned view reaches as far as its corners', () => {
  const upright = ring(slide, view(1), { width: 1_024, height: 512 });
  const turned = ring(slide, view(1, 12_800, 12_800, 90), { width: 512, height: 1_024 });
  expect(turned).toHaveLength(upright.length);
});

beforeAll(() => void vi.stubGlobal('navigator', {}));

/** A tile that says whether its memory was given back. */
const picture = () => ({ close: vi.fn() }) as unknown as ImageBitmap;

const settled = () => new Promise((resolve) => setTimeout(resolve));

test('what was decoded ahead is handed over once, and what is not wanted any more is given back', async () => {
  const made = new Map<string, ImageBitmap>();
  const ahead = new Ahead(async (url) => {
    const one = picture();
    made.set(url, one);
    return one;
  });
  ahead.want(['a', 'b', 'c'], 1);
  await settled();
  expect(made.size).toBe(3);
  expect(ahead.take('a')).toBe(made.get('a'));
  expect(ahead.take('a')).toBeUndefined();
  const b = made.get('b');
  ahead.want(['b', 'd'], 1);
  await settled();
  expect(made.size).toBe(4);
  expect(made.get('c')?.close).toHaveBeenCalledOnce();
  expect(made.get('b')).toBe(b);
  ahead.end();
  expect(b?.close).toHaveBeenCalledOnce();
  expect(made.get('a')?.close).not.toHaveBeenCalled();
});

test('a view that moves takes the line back, and no more is decoded than may wait', async () => {
  const asked: { url: string; signal: AbortSignal | undefined }[] = [];
  const ahead = new Ahead((url, { signal } = {}) => {
    asked.push({ url, signal });
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
  }, 2);
  ahead.want(['a', 'b', 'c'], 1);
  expect(asked.map(({ url }) => url)).toEqual(['a', 'b']);
  ahead.stop();
  expect(asked.every(({ signal }) => signal?.aborted)).toBe(true);
  ahead.want(['large', 'larger'], 80 << 20);
  expect(asked.map(({ url }) => url)).toEqual(['a', 'b', 'large']);
});
