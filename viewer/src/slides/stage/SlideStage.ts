/**
 * One slide on the screen: where it is, how it gets elsewhere, what state its tiles are in. Wraps OpenSeadragon and knows
 * nothing of React; whoever draws over the slide subscribes and reads.
 */
import OpenSeadragon from 'openseadragon';
import type { Slide } from '../../api/types';
import { Ahead, ring } from './ahead';
import { normalDegrees, slideVector, toScreen, toScreenMatrix, toSlide, type FieldOfView, type Matrix, type Point, type Size } from './geometry';
import { BitmapDrawer } from './bitmaps';
import { instancesOf, type AskInstances } from './displayed';
import type { Pair } from './fingers';
import { plainLook, type SlideLook } from './look';
import { zoomMax } from './magnification';
import { smallestFirst, tileSource } from './tileSource';
import { TileRescue, type TileState } from './TileRescue';

export interface StageStatus {
  /** Every tile of the view is on the screen in full sharpness. */
  isSharp: boolean;
  tiles: TileState;
  /** The slide cannot be shown at all. */
  hasFailed: boolean;
}

export interface StageOptions {
  /** Where to begin; the whole slide unless given. */
  start?: FieldOfView | null;
  look?: SlideLook;
  /** A tile of this instance has come for the view. */
  onDisplayed?: (sopInstanceUid: string) => void;
  askInstances: AskInstances;
  /** Asks the server why tiles do not come; throws when there is no use in asking for them again. */
  probe: () => Promise<unknown>;
}

export interface Motion {
  /** Without gliding there. */
  immediately?: boolean;
}

const wheelStep = 1.3;
/** A view that has not moved for so long may stay. */
const rest_ms = 150;

/** Bytes of decoded tiles that are kept for a way back; those in sight are kept anyway. */
const cacheBytesMax = 192 << 20;

/** Of one tile of the largest level, decoded. */
const tileBytes = ({ tile_width, tile_height }: Slide): number => Math.max(1, tile_width * tile_height * 4);

/** What the library's types leave out: its gestures may be changed while it runs. */
type Gestures = Record<'gestureSettingsMouse' | 'gestureSettingsTouch' | 'gestureSettingsPen', OpenSeadragon.GestureSettings>;

export class SlideStage {
  /** For what this class does not offer; whoever moves the view should do it through this class. */
  readonly osd: OpenSeadragon.Viewer;
  private readonly listeners = new Set<() => void>();
  private readonly rescue: TileRescue;
  private readonly ahead = new Ahead();
  private resting: ReturnType<typeof setTimeout> | null = null;
  private seen: FieldOfView | null = null;
  private condition: StageStatus = { isSharp: false, tiles: 'whole', hasFailed: false };
  private asked: SlideLook;
  private revision: string | null;

  constructor(
    readonly element: HTMLElement,
    readonly slide: Slide,
    options: StageOptions,
  ) {
    this.asked = options.look ?? plainLook;
    this.revision = slide.revision ?? null;
    this.osd = OpenSeadragon({
      element,
      tileSources: this.tiles(this.asked) as unknown as OpenSeadragon.TileSourceOptions,
      // Not WebGL: its shader finds a tile's texture by an interpolated number, and where that comes out a hair too low
      // (seen with software rendering, on turned slides) it paints another tile's tissue.
      drawer: BitmapDrawer,
      showNavigationControl: false,
      maxZoomPixelRatio: zoomMax(slide),
      minZoomImageRatio: 0.5,
      visibilityRatio: 0.2,
      preserveImageSizeOnResize: true,
      animationTime: 0.2,
      springStiffness: 10,
      zoomPerScroll: wheelStep,
      imageLoaderLimit: 12,
      // The default of one tile a frame starves a slow computer, whose frames are few.
      maxTilesPerFrame: 24,
      maxImageCacheCount: Math.max(1, Math.floor(cacheBytesMax / tileBytes(slide))),
      // A tile that fades in over its coarser parent shows a seam; it replaces it at once instead.
      blendTime: 0,
      immediateRender: false,
      preload: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsPen: { clickToZoom: false },
      gestureSettingsTouch: { pinchRotate: false, dblClickToZoom: true },
    } as unknown as OpenSeadragon.Options);
    // The page has keys of its own.
    this.osd.addHandler('canvas-key', (event) => {
      event.preventDefaultAction = true;
    });
    this.rescue = new TileRescue(this.osd, options.probe, {
      onTiles: (tiles) => this.become({ tiles, isSharp: tiles === 'whole' && this.isLoaded() }),
      onHopeless: () => this.become({ hasFailed: true }),
    });
    this.listen(options);
  }

  private tiles(look: SlideLook): OpenSeadragon.TileSource {
    return tileSource(this.slide, look, { revision: () => this.revision, ready: (url) => this.ahead.take(url) });
  }

  /** From now on tiles are asked for as those of this revision. */
  revise(revision: string | null): void {
    this.revision = revision;
  }

  private listen({ start, onDisplayed, askInstances }: StageOptions): void {
    this.osd.addHandler('open', () => {
      if (start) this.show(start, { immediately: true });
      this.look();
      this.watchSharpness();
    });
    this.osd.addHandler('open-failed', () => this.become({ hasFailed: true }));
    const levels = smallestFirst(this.slide);
    this.osd.addHandler('tile-loaded', (event) => {
      const level = levels[event.tile.level];
      if (level === undefined || onDisplayed === undefined) return;
      const { x, y } = event.tile;
      void instancesOf(level, { x, y, url: event.tile.getUrl() }, askInstances).then((instances) => instances.forEach(onDisplayed));
    });
    for (const moved of ['viewport-change', 'animation', 'resize', 'after-resize', 'rotate', 'flip'] as const) {
      this.osd.addHandler(moved, () => this.look());
    }
  }

  private watchSharpness(): void {
    const item = this.osd.world.getItemAt(0);
    const sharp = () => this.become({ isSharp: this.isLoaded() && this.condition.tiles === 'whole' });
    item.addHandler('fully-loaded-change', sharp);
    sharp();
  }

  private isLoaded(): boolean {
    return this.osd.world.getItemAt(0)?.getFullyLoaded() === true;
  }

  private become(change: Partial<StageStatus>): void {
    const next = { ...this.condition, ...change };
    if (next.isSharp === this.condition.isSharp && next.tiles === this.condition.tiles && next.hasFailed === this.condition.hasFailed) return;
    this.condition = next;
    if (next.isSharp) this.rest();
    this.tell();
  }

  /** Looks ahead once the view stands still. */
  private rest(): void {
    this.ahead.stop();
    if (this.resting !== null) clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.condition.isSharp) this.lookAhead();
    }, rest_ms);
  }

  private lookAhead(): void {
    const source = this.osd.world.getItemAt(0)?.source;
    if (this.seen === null || source === undefined) return;
    const levels = smallestFirst(this.slide);
    const places = ring(this.slide, this.seen, this.size);
    const urls = places.map(({ level, x, y }) => source.getTileUrl(levels.indexOf(level), x, y) as string);
    this.ahead.want(urls, tileBytes(this.slide));
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private look(): void {
    if (this.osd.world.getItemCount() === 0) return;
    const now = this.read(true);
    const was = this.seen;
    this.seen = now;
    if (was !== null && sameView(was, now)) return;
    this.rest();
    this.tell();
  }

  private read(current: boolean): FieldOfView {
    const { viewport } = this.osd;
    const centre = viewport.getCenter(current);
    return {
      x: centre.x * this.slide.width,
      y: centre.y * this.slide.width,
      zoom: (viewport.getZoom(current) * this.size.width) / this.slide.width,
      rotation_deg: normalDegrees(viewport.getRotation(current)),
      mirrored: viewport.getFlip(),
    };
  }

  /** Calls back on every change of view or status, once a frame while it moves. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** What is seen at this moment; `null` until the slide is open. The object is another one only when the view is. */
  readonly view = (): FieldOfView | null => this.seen;

  readonly status = (): StageStatus => this.condition;

  /** Where it is going, while it glides. */
  target(): FieldOfView | null {
    return this.osd.world.getItemCount() === 0 ? null : this.read(false);
  }

  get size(): Size {
    const { x, y } = this.osd.viewport.getContainerSize();
    return { width: x, height: y };
  }

  /** Position inside the stage to pixels of level 0, and back. */
  toSlide(point: Point): Point {
    return this.seen === null ? { x: 0, y: 0 } : toSlide(this.seen, this.size, point);
  }

  toScreen(point: Point): Point {
    return this.seen === null ? { x: 0, y: 0 } : toScreen(this.seen, this.size, point);
  }

  matrix(): Matrix | null {
    return this.seen === null ? null : toScreenMatrix(this.seen, this.size);
  }

  /** Goes to a field of view, or changes parts of the one it is going to. */
  show(wish: Partial<FieldOfView>, { immediately = false }: Motion = {}): void {
    const from = this.target();
    if (from === null) return;
    const { viewport } = this.osd;
    const view = { ...from, ...wish };
    viewport.setFlip(view.mirrored);
    if (view.rotation_deg !== from.rotation_deg) viewport.rotateTo(view.rotation_deg, undefined, immediately);
    viewport.zoomTo((view.zoom * this.slide.width) / this.size.width, undefined, immediately);
    viewport.panTo(new OpenSeadragon.Point(view.x / this.slide.width, view.y / this.slide.width), immediately);
    viewport.applyConstraints(immediately);
    if (immediately) this.look();
  }

  /** Zooms so that the point of the slide under `about` (middle of the stage unless given) stays where it is. */
  zoomTo(zoom: number, about?: Point, { immediately = false }: Motion = {}): void {
    const { viewport } = this.osd;
    const at = about === undefined ? undefined : this.toSlide(about);
    const fixed = at === undefined ? undefined : new OpenSeadragon.Point(at.x / this.slide.width, at.y / this.slide.width);
    viewport.zoomTo((zoom * this.slide.width) / this.size.width, fixed, immediately);
    viewport.applyConstraints(immediately);
    if (immediately) this.look();
  }

  zoomBy(factor: number, about?: Point, motion: Motion = {}): void {
    const to = this.target();
    if (to !== null) this.zoomTo(to.zoom * factor, about, motion);
  }

  /** What a wheel does that turned over something drawn above the slide. */
  wheel(event: { deltaY: number; clientX: number; clientY: number }): void {
    const box = this.element.getBoundingClientRect();
    this.zoomBy(event.deltaY < 0 ? wheelStep : 1 / wheelStep, { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  /** What two fingers do that lie on something drawn above the slide: what is between them goes along. */
  pinch(from: Pair, to: Pair): void {
    const [was, is] = [from, to].map(([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 })) as [Point, Point];
    const [apart, now] = [from, to].map(([one, other]) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y))) as [number, number];
    this.panBy({ x: was.x - is.x, y: was.y - is.y }, { immediately: true });
    this.zoomBy(now / apart, is, { immediately: true });
  }

  /** Moves the window over the slide by screen pixels. */
  panBy(way: Point, motion: Motion = {}): void {
    const to = this.target();
    if (to === null) return;
    const moved = slideVector(to, way);
    this.show({ x: to.x + moved.x, y: to.y + moved.y }, motion);
  }

  /** Turns clockwise on the screen, also when mirrored. */
  turnBy(degrees: number, motion: Motion = {}): void {
    const to = this.target();
    if (to !== null) this.show({ rotation_deg: normalDegrees(to.rotation_deg + (to.mirrored ? -degrees : degrees)) }, motion);
  }

  /** The whole slide, upright. */
  home(): void {
    this.osd.viewport.setFlip(false);
    this.osd.viewport.rotateTo(0);
    this.osd.viewport.goHome();
    this.look();
  }

  private get gestures(): Gestures {
    return this.osd as unknown as Gestures;
  }

  /** While something is drawn, dragging and double clicks must not move the slide; wheel and keys still do. */
  hold(held: boolean): void {
    const { gestureSettingsMouse, gestureSettingsTouch, gestureSettingsPen } = this.gestures;
    for (const settings of [gestureSettingsMouse, gestureSettingsTouch, gestureSettingsPen]) {
      settings.dragToPan = !held;
      settings.dblClickToZoom = !held;
    }
  }

  /** Two fingers turn the slide, too. */
  turnWithFingers(wanted: boolean): void {
    this.gestures.gestureSettingsTouch.pinchRotate = wanted;
  }

  /** A CSS filter over the slide's pixels, not over what is drawn above them. */
  setFilter(filter: string): void {
    this.element.style.filter = filter;
  }

  /** Asks for other pixels of the same slide; what is on the screen stays until they are there. */
  setLook(look: SlideLook): void {
    if (look === this.asked) return;
    this.asked = look;
    const old = this.osd.world.getItemAt(0);
    if (old === undefined) return;
    this.become({ isSharp: false });
    this.osd.addTiledImage({
      tileSource: this.tiles(look) as unknown as OpenSeadragon.TileSourceOptions,
      preload: true,
      success: (event) => {
        const { item } = event as unknown as { item: OpenSeadragon.TiledImage };
        item.whenFullyLoaded(() => {
          if (this.asked !== look) return;
          for (let index = this.osd.world.getItemCount() - 1; index >= 0; index -= 1) {
            const one = this.osd.world.getItemAt(index);
            if (one !== item) this.osd.world.removeItem(one);
          }
          this.watchSharpness();
        });
      },
    });
  }

  destroy(): void {
    this.rescue.stop();
    if (this.resting !== null) clearTimeout(this.resting);
    this.ahead.end();
    this.listeners.clear();
    this.osd.destroy();
  }
}

function sameView(a: FieldOfView, b: FieldOfView): boolean {
  return a.x === b.x && a.y === b.y && a.zoom === b.zoom && a.rotation_deg === b.rotation_deg && a.mirrored === b.mirrored;
}
