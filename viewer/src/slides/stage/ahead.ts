/**
 * The tiles around a view, fetched and decoded while nobody moves: the next step of the eye only paints them. One that moves
 * again gets the whole line back at once.
 */
import type { Slide, SlideLevel } from '../../api/types';
import type { FieldOfView, Size } from './geometry';
import { tileBitmap } from './tileBitmap';

export interface TilePlace {
  level: SlideLevel;
  x: number;
  y: number;
}

/** Screen pixels of one pixel of a level: below this the next coarser level is drawn (OpenSeadragon's `minPixelRatio`). */
const pixelRatioMin = 0.5;
/** Tiles of one ring at most: a slide of small tiles on a large screen. */
const ringMax = 160;

/** The level that a view is drawn from. */
export function drawnLevel(slide: Slide, view: FieldOfView): SlideLevel | undefined {
  const finestFirst = [...slide.levels].sort((a, b) => b.width - a.width);
  return finestFirst.find((level) => (view.zoom * slide.width) / level.width >= pixelRatioMin) ?? finestFirst.at(-1);
}

/** The tiles within half a screen around what a view shows, the nearest first. */
export function ring(slide: Slide, view: FieldOfView, size: Size): TilePlace[] {
  const level = drawnLevel(slide, view);
  if (level === undefined || size.width <= 0 || size.height <= 0) return [];
  const turn = (view.rotation_deg * Math.PI) / 180;
  const [cos, sin] = [Math.abs(Math.cos(turn)), Math.abs(Math.sin(turn))];
  // Half of what is seen, in the level's pixels; turned, the rectangle around it.
  const scale = level.width / slide.width;
  const half = {
    x: ((size.width * cos + size.height * sin) / view.zoom / 2) * scale,
    y: ((size.width * sin + size.height * cos) / view.zoom / 2) * scale,
  };
  const centre = { x: view.x * scale, y: view.y * scale };
  const range = (middle: number, reach: number, tile: number, count: number): [number, number] => [
    Math.max(0, Math.floor((middle - reach) / tile)),
    Math.min(count - 1, Math.floor((middle + reach) / tile)),
  ];
  const across = (factor: number) => range(centre.x, half.x * factor, level.tile_width, level.tiles_x);
  const down = (factor: number) => range(centre.y, half.y * factor, level.tile_height, level.tiles_y);
  const [seenX, seenY, wideX, wideY] = [across(1), down(1), across(2), down(2)];
  const isSeen = (x: number, y: number) => x >= seenX[0] && x <= seenX[1] && y >= seenY[0] && y <= seenY[1];
  const outside = (at: number, [from, to]: [number, number]) => Math.max(0, from - at, at - to);
  const places: TilePlace[] = [];
  for (let y = wideY[0]; y <= wideY[1]; y += 1) {
    for (let x = wideX[0]; x <= wideX[1]; x += 1) {
      if (!isSeen(x, y)) places.push({ level, x, y });
    }
  }
  const distance = ({ x, y }: TilePlace) => outside(x, seenX) + outside(y, seenY);
  return places.sort((a, b) => distance(a) - distance(b)).slice(0, ringMax);
}

/** Bytes of decoded tiles that wait to be seen. */
const bytesMax = 96 << 20;

/** Fetches and decodes tiles, few at a time and after everything else. */
export class Ahead {
  private waiting: string[] = [];
  private readonly under = new Map<string, AbortController>();
  private readonly kept = new Map<string, ImageBitmap>();

  constructor(
    private readonly bitmap: typeof tileBitmap = tileBitmap,
    private readonly atOnce = 4,
  ) {}

  /** These are wanted now, the first most, instead of whatever was. Whoever asked to save data is left alone. */
  want(urls: string[], tileBytes: number): void {
    this.stop();
    if (savesData()) return;
    const wanted = new Set(urls.slice(0, Math.floor(bytesMax / tileBytes)));
    for (const [url, bitmap] of this.kept) {
      if (wanted.has(url)) continue;
      bitmap.close();
      this.kept.delete(url);
    }
    this.waiting = [...wanted].filter((url) => !this.kept.has(url));
    for (let index = 0; index < this.atOnce; index += 1) void this.next();
  }

  /** One that is ready; it belongs to who takes it. */
  take(url: string): ImageBitmap | undefined {
    const bitmap = this.kept.get(url);
    this.kept.delete(url);
    return bitmap;
  }

  /** The view moves: what is under way makes room. */
  stop(): void {
    this.waiting = [];
    for (const abort of this.under.values()) abort.abort();
    this.under.clear();
  }

  /** Nothing is wanted any more. */
  end(): void {
    this.stop();
    for (const bitmap of this.kept.values()) bitmap.close();
    this.kept.clear();
  }

  private async next(): Promise<void> {
    const url = this.waiting.shift();
    if (url === undefined) return;
    const abort = new AbortController();
    this.under.set(url, abort);
    // One that does not come is asked for again, and complained of, when it is seen.
    const bitmap = await this.bitmap(url, { signal: abort.signal, priority: 'low' }).catch(() => undefined);
    if (abort.signal.aborted) {
      bitmap?.close();
      return;
    }
    this.under.delete(url);
    if (bitmap !== undefined) this.kept.set(url, bitmap);
    await this.next();
  }
}

function savesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}
