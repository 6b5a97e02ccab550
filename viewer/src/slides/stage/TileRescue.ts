/**
 * Tiles that did not come. The server is asked why, more rarely each time: once it answers (the line is back, somebody
 * logged in again) they are asked for again.
 */
import type OpenSeadragon from 'openseadragon';
import { isWorthRetrying } from '../../api/client';

/** Whether there are tiles that did not come: none, some that are asked for again, some that never will. */
export type TileState = 'whole' | 'retrying' | 'lost';

export interface RescueEvents {
  onTiles: (state: TileState) => void;
  /** The server says that there is nothing to wait for. */
  onHopeless: () => void;
}

const firstWait_ms = 1_000;
const longestWait_ms = 15_000;
/** A tile that fails as often while the server answers is damaged. */
const triesMax = 4;
/** By then the library has asked for the tiles that are in sight. */
const settle_ms = 300;

/** OpenSeadragon never asks again for a tile that failed, and looks at an image that lacks none only when it moves. */
type RevivableTile = OpenSeadragon.Tile & { exists: boolean };
type AwakenedImage = { _needsUpdate: boolean };

export class TileRescue {
  private readonly missing = new Map<RevivableTile, OpenSeadragon.TiledImage>();
  private readonly tries = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private wait_ms = firstWait_ms;
  private stopped = false;

  constructor(
    private readonly osd: OpenSeadragon.Viewer,
    private readonly probe: () => Promise<unknown>,
    private readonly events: RescueEvents,
  ) {
    osd.addHandler('tile-load-failed', (event) => {
      this.missing.set(event.tile as RevivableTile, event.tiledImage);
      events.onTiles('retrying');
      this.plan();
    });
    osd.addHandler('fully-loaded-change', () => this.settle());
    // Another plane or path has taken its place: what is missing of it concerns nobody any more.
    osd.world.addHandler('remove-item', ({ item }) => this.forget(item));
  }

  private plan(): void {
    if (this.stopped || this.timer !== null) return;
    this.timer = setTimeout(() => void this.again(), this.wait_ms);
    this.wait_ms = Math.min(this.wait_ms * 2, longestWait_ms);
  }

  private async again(): Promise<void> {
    try {
      await this.probe();
    } catch (error) {
      this.timer = null;
      if (this.stopped) return;
      if (isWorthRetrying(error)) this.plan();
      else this.events.onHopeless();
      return;
    }
    this.timer = null;
    if (!this.stopped) this.revive();
  }

  /** Those that fail again come back by the event; those that are out of sight wait until they are looked at. */
  private revive(): void {
    const tiles = [...this.missing];
    const worthIt = tiles.filter(([tile]) => this.isWorthIt(tile));
    if (worthIt.length === 0) {
      this.settle();
      return;
    }
    for (const [tile, image] of worthIt) {
      this.missing.delete(tile);
      this.tries.set(tile.getUrl(), (this.tries.get(tile.getUrl()) ?? 0) + 1);
      tile.exists = true;
      (image as unknown as AwakenedImage)._needsUpdate = true;
    }
    this.osd.forceRedraw();
    setTimeout(() => this.settle(), settle_ms);
  }

  private forget(image: OpenSeadragon.TiledImage): void {
    for (const [tile, of] of this.missing) {
      if (of !== image) continue;
      this.missing.delete(tile);
      this.tries.delete(tile.getUrl());
    }
    this.settle();
  }

  private isWorthIt(tile: RevivableTile): boolean {
    return (this.tries.get(tile.getUrl()) ?? 0) < triesMax;
  }

  /** Says how it stands, once nothing more is asked for. */
  private settle(): void {
    if (this.stopped || this.timer !== null) return;
    if (this.missing.size > 0) {
      const isLost = [...this.missing.keys()].every((tile) => !this.isWorthIt(tile));
      if (isLost) this.events.onTiles('lost');
      return;
    }
    if (this.osd.world.getItemAt(0)?.getFullyLoaded() !== true) return;
    this.wait_ms = firstWait_ms;
    this.events.onTiles('whole');
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }
}
