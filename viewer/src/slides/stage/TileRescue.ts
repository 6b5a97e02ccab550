/**
 * Tiles that did not come. The server is asked why, more rarely each time: once it answers (the line is back, somebody
 * logged in again) they are asked for again.
 */
import type OpenSeadragon from 'openseadragon';
import { isWorthRetrying } from '../../api/client';

export interface RescueEvents {
  onMissing: (missing: boolean) => void;
  /** The server says that there is nothing to wait for. */
  onHopeless: () => void;
}

const firstWait_ms = 1_000;
const longestWait_ms = 15_000;
/** A tile that fails as often while the server answers is damaged; it stays missing, and said to be. */
const triesMax = 5;

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
      events.onMissing(true);
      this.plan();
    });
    osd.addHandler('tile-loaded', (event) => {
      if (this.missing.delete(event.tile as RevivableTile) && this.missing.size === 0) {
        this.wait_ms = firstWait_ms;
        events.onMissing(false);
      }
    });
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

  private revive(): void {
    const images = new Set<OpenSeadragon.TiledImage>();
    for (const [tile, image] of this.missing) {
      const tries = (this.tries.get(tile.getUrl()) ?? 0) + 1;
      this.tries.set(tile.getUrl(), tries);
      if (tries > triesMax) continue;
      tile.exists = true;
      images.add(image);
    }
    for (const image of images) (image as unknown as AwakenedImage)._needsUpdate = true;
    this.osd.forceRedraw();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }
}
