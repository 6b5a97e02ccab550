/** A volume cut along three planes that meet in one point. Wraps Cornerstone3D's volume viewports; knows nothing of React. */
import { Enums, cache, setVolumesForViewports, volumeLoader, type Types, type VolumeViewport } from '@cornerstonejs/core';
import { CrosshairsTool, Enums as ToolEnums, PanTool, StackScrollTool, ToolGroupManager, WindowLevelTool, ZoomTool } from '@cornerstonejs/tools';
import { imageEngine } from '../engine';
import { orientationLetters, type OrientationLetters } from '../orientation';
import { rangeOf, windowOf, type Window } from '../presets';
import type { Stack } from '../stack';

export const planes = ['axial', 'coronal', 'sagittal'] as const;
export type PlaneName = (typeof planes)[number];

export const projections = ['average', 'maximum', 'minimum'] as const;
export type Projection = (typeof projections)[number];

export interface PlaneState {
  orientation: OrientationLetters | null;
  index: number;
  count: number;
  window: Window | null;
}

export interface MprEvents {
  onRendered: (plane: PlaneName, state: PlaneState) => void;
  /** Share of the volume that has come. */
  onProgress: (share: number) => void;
}

const axes = {
  axial: Enums.OrientationAxis.AXIAL,
  coronal: Enums.OrientationAxis.CORONAL,
  sagittal: Enums.OrientationAxis.SAGITTAL,
} as const;

const blends = {
  average: Enums.BlendModes.AVERAGE_INTENSITY_BLEND,
  maximum: Enums.BlendModes.MAXIMUM_INTENSITY_BLEND,
  minimum: Enums.BlendModes.MINIMUM_INTENSITY_BLEND,
} as const;

/** Each plane's line has its colour in the two others. */
export const colours: Record<PlaneName, string> = { axial: 'rgb(248, 113, 113)', coronal: 'rgb(96, 165, 250)', sagittal: 'rgb(250, 204, 21)' };

const { MouseBindings } = ToolEnums;

interface Streaming {
  load: (progress: (event: { framesProcessed?: number; numFrames?: number; totalNumFrames?: number }) => void) => void;
}

let lastId = 0;

export class MprStage {
  private readonly id = `mpr-${(lastId += 1)}`;
  private readonly volumeId: string;
  private ended = false;

  constructor(
    private readonly elements: Readonly<Record<PlaneName, HTMLDivElement>>,
    private readonly stack: Stack,
    private readonly events: MprEvents,
  ) {
    this.volumeId = `cornerstoneStreamingImageVolume:${this.id}`;
  }

  private viewportId(plane: PlaneName): string {
    return `${this.id}-${plane}`;
  }

  private viewport(plane: PlaneName): VolumeViewport | undefined {
    return imageEngine().getViewport(this.viewportId(plane)) as VolumeViewport | undefined;
  }

  /** Fetches what is not in memory yet and shows the three planes meanwhile. */
  async start(window: Window | null): Promise<void> {
    const engine = imageEngine();
    for (const plane of planes) {
      engine.enableElement({
        viewportId: this.viewportId(plane),
        type: Enums.ViewportType.ORTHOGRAPHIC,
        element: this.elements[plane],
        defaultOptions: { orientation: axes[plane] },
      });
      this.elements[plane].addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered[plane]);
    }
    const volume = (await volumeLoader.createAndCacheVolume(this.volumeId, { imageIds: this.stack.imageIds })) as Types.IStreamingImageVolume;
    if (this.ended) return;
    // The library's types leave out that progress can be heard of.
    (volume as unknown as Streaming).load((event) => {
      const total = event.totalNumFrames ?? event.numFrames ?? this.stack.imageIds.length;
      this.events.onProgress(Math.min(1, (event.framesProcessed ?? total) / total));
    });
    await setVolumesForViewports(engine, [{ volumeId: this.volumeId }], planes.map((plane) => this.viewportId(plane)));
    if (this.ended) return;
    this.makeTools(engine.id);
    if (window !== null) this.setWindow(window);
    engine.renderViewports(planes.map((plane) => this.viewportId(plane)));
  }

  private makeTools(engineId: string): void {
    const group = ToolGroupManager.createToolGroup(this.id);
    if (group === undefined) return;
    const planeOf = (viewportId: string) => planes.find((plane) => this.viewportId(plane) === viewportId) ?? 'axial';
    group.addTool(CrosshairsTool.toolName, {
      getReferenceLineColor: (viewportId: string) => colours[planeOf(viewportId)],
      getReferenceLineControllable: () => true,
      getReferenceLineDraggableRotatable: () => false,
      getReferenceLineSlabThicknessControlsOn: () => false,
    });
    for (const tool of [WindowLevelTool, PanTool, ZoomTool, StackScrollTool]) group.addTool(tool.toolName);
    planes.forEach((plane) => group.addViewport(this.viewportId(plane), engineId));
    group.setToolActive(CrosshairsTool.toolName, { bindings: [{ mouseButton: MouseBindings.Primary }] });
    group.setToolActive(StackScrollTool.toolName, { bindings: [{ mouseButton: MouseBindings.Wheel }] });
    group.setToolActive(PanTool.toolName, { bindings: [{ mouseButton: MouseBindings.Auxiliary }] });
    group.setToolActive(ZoomTool.toolName, { bindings: [{ mouseButton: MouseBindings.Secondary }] });
    group.setToolActive(WindowLevelTool.toolName, { bindings: [{ mouseButton: MouseBindings.Primary, modifierKey: ToolEnums.KeyboardBindings.Shift }] });
  }

  scroll(plane: PlaneName, by: number): void {
    this.viewport(plane)?.scroll(by);
  }

  setWindow(window: Window): void {
    for (const plane of planes) {
      this.viewport(plane)?.setProperties({ voiRange: rangeOf(window) });
      this.viewport(plane)?.render();
    }
  }

  /** Slabs of so many millimetres; 0 is a single plane. */
  setSlab(thickness_mm: number, projection: Projection): void {
    for (const plane of planes) {
      const viewport = this.viewport(plane);
      if (viewport === undefined) continue;
      if (thickness_mm <= 0) {
        viewport.setBlendMode(Enums.BlendModes.COMPOSITE);
        viewport.resetSlabThickness();
      } else {
        viewport.setBlendMode(blends[projection]);
        viewport.setSlabThickness(thickness_mm);
      }
      viewport.render();
    }
  }

  reset(): void {
    for (const plane of planes) {
      this.viewport(plane)?.resetCamera();
      this.viewport(plane)?.render();
    }
  }

  resize(): void {
    imageEngine().resize(true, true);
  }

  destroy(): void {
    this.ended = true;
    ToolGroupManager.destroyToolGroup(this.id);
    const engine = imageEngine();
    for (const plane of planes) {
      this.elements[plane].removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered[plane]);
      if (engine.getViewport(this.viewportId(plane)) !== undefined) engine.disableElement(this.viewportId(plane));
    }
    if (cache.getVolume(this.volumeId) !== undefined) cache.removeVolumeLoadObject(this.volumeId);
  }

  private tell(plane: PlaneName): void {
    const viewport = this.viewport(plane);
    if (viewport === undefined) return;
    const range = viewport.getProperties()?.voiRange;
    this.events.onRendered(plane, {
      orientation: orientationLetters(viewport.getCamera()),
      index: viewport.getSliceIndex(),
      count: viewport.getNumberOfSlices(),
      window: range === undefined ? null : windowOf(range),
    });
  }

  private readonly rendered: Readonly<Record<PlaneName, () => void>> = {
    axial: () => this.tell('axial'),
    coronal: () => this.tell('coronal'),
    sagittal: () => this.tell('sagittal'),
  };
}
