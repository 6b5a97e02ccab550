/** One slide on the screen and what a pathologist can do to it. Wraps OpenSeadragon; knows nothing of React. */
import OpenSeadragon from 'openseadragon';
import type { Slide } from '../api/types';
import { smallestFirst, tileSource } from './tileSource';

export interface SlideViewState {
  /** Screen pixels per slide pixel. */
  imageZoom: number;
  rotation: number;
}

export interface SlideViewEvents {
  onChange: (state: SlideViewState) => void;
  /** Every tile of the view is on the screen in full sharpness. */
  onSharp: () => void;
  onFailed: () => void;
  /** A tile of this level has come for the view (not for the overview). */
  onDisplayed: (sopInstanceUid: string) => void;
}

/** Beyond this a scanner's pixel only grows. */
const magnifyBeyondNative = 4;

export class SlideView {
  private readonly viewer: OpenSeadragon.Viewer;

  constructor(element: HTMLElement, overview: HTMLElement, slide: Slide, events: SlideViewEvents) {
    this.viewer = OpenSeadragon({
      element,
      tileSources: tileSource(slide) as unknown as OpenSeadragon.TileSourceOptions,
      drawer: ['webgl', 'canvas'],
      showNavigationControl: false,
      showNavigator: true,
      navigatorElement: overview,
      navigatorAutoFade: false,
      navigatorRotate: false,
      maxZoomPixelRatio: magnifyBeyondNative,
      minZoomImageRatio: 0.5,
      visibilityRatio: 0.2,
      animationTime: 0.3,
      springStiffness: 10,
      imageLoaderLimit: 12,
      // The default of one tile a frame starves a slow computer, whose frames are few.
      maxTilesPerFrame: 24,
      preload: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    } as OpenSeadragon.Options);
    // The page has keys of its own.
    this.viewer.addHandler('canvas-key', (event) => {
      event.preventDefaultAction = true;
    });

    const report = () => {
      if (this.viewer.world.getItemCount() === 0) return;
      events.onChange({
        imageZoom: this.viewer.viewport.viewportToImageZoom(this.viewer.viewport.getZoom(true)),
        rotation: this.viewer.viewport.getRotation(true),
      });
    };
    this.viewer.addHandler('open', () => {
      const item = this.viewer.world.getItemAt(0);
      const sharp = () => {
        if (item.getFullyLoaded()) events.onSharp();
      };
      item.addHandler('fully-loaded-change', sharp);
      sharp();
      report();
    });
    this.viewer.addHandler('open-failed', events.onFailed);
    const levels = smallestFirst(slide);
    this.viewer.addHandler('tile-loaded', (event) => {
      const level = levels[event.tile.level];
      if (level !== undefined) events.onDisplayed(level.sop_instance_uid);
    });
    for (const moved of ['zoom', 'pan', 'rotate', 'resize', 'animation', 'update-viewport'] as const) {
      this.viewer.addHandler(moved, report);
    }
  }

  destroy(): void {
    this.viewer.destroy();
  }

  zoomTo(imageZoom: number): void {
    this.viewer.viewport.zoomTo(this.viewer.viewport.imageToViewportZoom(imageZoom));
    this.viewer.viewport.applyConstraints();
  }

  zoomBy(factor: number): void {
    this.viewer.viewport.zoomBy(factor);
    this.viewer.viewport.applyConstraints();
  }

  home(): void {
    this.viewer.viewport.setRotation(0);
    this.viewer.viewport.goHome();
  }

  rotateBy(degrees: number): void {
    this.viewer.viewport.rotateBy(degrees);
  }

  panBy(x: number, y: number): void {
    this.viewer.viewport.panBy(this.viewer.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(x, y)));
    this.viewer.viewport.applyConstraints();
  }

  /** Screen position inside the element to slide pixels, and back. */
  toSlide(point: { x: number; y: number }): { x: number; y: number } {
    return this.viewer.viewport.viewerElementToImageCoordinates(new OpenSeadragon.Point(point.x, point.y));
  }

  toScreen(point: { x: number; y: number }): { x: number; y: number } {
    return this.viewer.viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(point.x, point.y));
  }

  /** While something is drawn, dragging must not move the slide. */
  hold(held: boolean): void {
    this.viewer.setMouseNavEnabled(!held);
  }
}
