/**
 * One stack of images on the screen and what a reader can do to it. Wraps a Cornerstone3D viewport and its tools;
 * knows nothing of React.
 */
import { Enums, eventTarget, type StackViewport, type Types } from '@cornerstonejs/core';
import {
  AngleTool,
  EllipticalROITool,
  Enums as ToolEnums,
  LengthTool,
  PanTool,
  StackScrollTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
  utilities as toolUtilities,
} from '@cornerstonejs/tools';
import { imageEngine } from './engine';
import { orientationLetters, type OrientationLetters } from './orientation';
import { rangeOf, windowOf, type WindowPreset } from './presets';
import type { Stack } from './stack';

export const pointerTools = ['window', 'scroll', 'zoom', 'pan', 'length', 'angle', 'ellipse'] as const;
export type PointerTool = (typeof pointerTools)[number];

const toolNames: Record<PointerTool, string> = {
  window: WindowLevelTool.toolName,
  scroll: StackScrollTool.toolName,
  zoom: ZoomTool.toolName,
  pan: PanTool.toolName,
  length: LengthTool.toolName,
  angle: AngleTool.toolName,
  ellipse: EllipticalROITool.toolName,
};

const { MouseBindings } = ToolEnums;

/** What the reader sees at this moment. */
export interface ViewState {
  imageId: string;
  index: number;
  count: number;
  window: { center: number; width: number } | null;
  zoom: number;
  orientation: OrientationLetters | null;
}

export interface StackViewEvents {
  onRendered: (state: ViewState) => void;
  onImageFailed: (imageId: string) => void;
}

let lastId = 0;

export class StackView {
  private readonly id = `stack-${(lastId += 1)}`;
  private readonly viewport: StackViewport;
  private tool: PointerTool = 'window';
  private shown = 0;
  private neighboursWait = false;

  constructor(
    private readonly element: HTMLDivElement,
    private readonly events: StackViewEvents,
  ) {
    const engine = imageEngine();
    engine.enableElement({ viewportId: this.id, type: Enums.ViewportType.STACK, element });
    this.viewport = engine.getViewport(this.id) as StackViewport;
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_ERROR, this.failed);
    const group = ToolGroupManager.createToolGroup(this.id);
    Object.values(toolNames).forEach((name) => group?.addTool(name));
    group?.addViewport(this.id, engine.id);
    this.choose('window');
  }

  destroy(): void {
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    eventTarget.removeEventListener(Enums.Events.IMAGE_LOAD_ERROR, this.failed);
    toolUtilities.stackContextPrefetch.disable(this.element);
    ToolGroupManager.destroyToolGroup(this.id);
    imageEngine().disableElement(this.id);
  }

  /** Shows one image of a stack at once; its neighbours are fetched only after it is on the screen. */
  async show(stack: Stack, index = 0): Promise<void> {
    const turn = (this.shown += 1);
    toolUtilities.stackContextPrefetch.disable(this.element);
    const imageId = stack.imageIds[index];
    if (imageId === undefined) return;
    await this.viewport.setStack(stack.imageIds, index);
    if (turn !== this.shown) return;
    if (this.imageOnScreen() !== imageId) this.events.onImageFailed(imageId);
    this.neighboursWait = true;
    this.viewport.render();
  }

  /** What the primary button does; wheel, middle and right button keep their meaning. */
  choose(tool: PointerTool): void {
    const group = ToolGroupManager.getToolGroup(this.id);
    if (group === undefined) return;
    group.setToolPassive(toolNames[this.tool]);
    this.tool = tool;
    const primary = [{ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 }];
    const standing: [PointerTool, ToolBinding[]][] = [
      ['scroll', [{ mouseButton: MouseBindings.Wheel }]],
      ['pan', [{ mouseButton: MouseBindings.Auxiliary }]],
      ['zoom', [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }]],
    ];
    for (const [name, bindings] of standing) {
      group.setToolActive(toolNames[name], { bindings: name === tool ? [...bindings, ...primary] : bindings });
    }
    if (!standing.some(([name]) => name === tool)) group.setToolActive(toolNames[tool], { bindings: primary });
  }

  scroll(by: number): void {
    this.viewport.scroll(by);
  }

  preset(preset: Pick<WindowPreset, 'center' | 'width'>): void {
    this.viewport.setProperties({ voiRange: rangeOf(preset) });
    this.viewport.render();
  }

  invert(): void {
    this.viewport.setProperties({ invert: this.viewport.getProperties().invert !== true });
    this.viewport.render();
  }

  rotate(): void {
    const { rotation = 0 } = this.viewport.getViewPresentation();
    this.viewport.setViewPresentation({ ...this.viewport.getViewPresentation(), rotation: (rotation + 90) % 360 });
    this.viewport.render();
  }

  flip(axis: 'horizontal' | 'vertical'): void {
    const { flipHorizontal = false, flipVertical = false } = this.viewport.getCamera();
    this.viewport.setCamera(axis === 'horizontal' ? { flipHorizontal: !flipHorizontal } : { flipVertical: !flipVertical });
    this.viewport.render();
  }

  reset(): void {
    this.viewport.resetCamera();
    this.viewport.resetProperties();
    this.viewport.render();
  }

  /** The element has another size; what is seen stays as it was. */
  resize(): void {
    imageEngine().resize(true, true);
  }

  /** The image whose pixels are drawn, which after a failure is not the one that was asked for. */
  private imageOnScreen(): string | undefined {
    const image = this.viewport.getCornerstoneImage() as { imageId: string } | undefined;
    return image?.imageId;
  }

  private readonly rendered = (): void => {
    const imageId = this.imageOnScreen();
    if (imageId === undefined) return;
    const range = this.viewport.getProperties().voiRange;
    if (this.neighboursWait) {
      this.neighboursWait = false;
      toolUtilities.stackContextPrefetch.enable(this.element);
    }
    this.events.onRendered({
      imageId,
      index: this.viewport.getImageIds().indexOf(imageId),
      count: this.viewport.getImageIds().length,
      window: range === undefined ? null : windowOf(range),
      zoom: this.viewport.getZoom(),
      orientation: orientationLetters(this.viewport.getCamera()),
    });
  };

  private readonly failed = (event: Event): void => {
    const { imageId } = (event as Types.CustomEventType<{ imageId: string }>).detail;
    if (this.viewport.getImageIds().includes(imageId)) this.events.onImageFailed(imageId);
  };
}

type ToolBinding = { mouseButton?: ToolEnums.MouseBindings; numTouchPoints?: number };
