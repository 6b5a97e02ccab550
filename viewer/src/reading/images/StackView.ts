/**
 * One stack of images on the screen and what a reader can do to it. Wraps a Cornerstone3D viewport; knows nothing of React,
 * and of other stacks only that they share its tools.
 */
import { Enums, eventTarget, type StackViewport, type Types } from '@cornerstonejs/core';
import { ToolGroupManager, utilities as toolUtilities } from '@cornerstonejs/tools';
import { onScreen, type Affine } from './documents/affine';
import { zoomFor, type DisplayedArea } from './documents/displayedArea';
import { imageEngine, rendersOnCpu } from './engine';
import { imagePlaneOf } from './imagePlane';
import { turnOf, type Turn } from './keyFrame';
import type { Followed } from './linking';
import { toWorld } from './measured';
import { orientationLetters, type OrientationLetters } from './orientation';
import { rangeOf, windowOf, type Window } from './presets';
import type { Stack } from './stack';

/** What the reader sees at this moment. */
export interface ViewState {
  imageId: string;
  index: number;
  count: number;
  window: Window | null;
  /** The same where it was chosen, for the whole stack; `null` where each image has its own. */
  chosenWindow: Window | null;
  zoom: number;
  orientation: OrientationLetters | null;
  /** Pixels of the screen for one millimetre (or one pixel of the image, where it has no spacing). */
  pxPerUnit: number;
  /** From the image's pixels to the screen's. */
  affine: Affine;
}

export interface StackViewEvents {
  onRendered: (state: ViewState) => void;
  /** Counted from nought within the stack. */
  onImageFailed: (index: number) => void;
}

/** How a stack is shown at first. */
export interface FirstLook {
  index?: number;
  window?: Window;
  justify?: 'left' | 'right';
  flipHorizontal?: boolean;
  /** As a presentation state has it, which counts instead of what the image says of itself. */
  presented?: PresentedLook;
}

/** What of a presentation state (PS3.3 §A.33.1) is applied to a whole stack. */
export interface PresentedLook {
  window: Window | null;
  /** Of each image of the stack, where they differ. */
  windows: readonly (Window | null)[] | null;
  turn: Turn;
  inverted: boolean;
  area: DisplayedArea | null;
}

/** What linked stacks share. */
export interface Look {
  zoom: number;
  pan: Types.Point2;
}

let lastId = 0;
let isToResize = false;

/** All views at once, when the page has its new shape: a view that keeps the old one shows its image stretched. */
function resizeSoon(): void {
  if (isToResize) return;
  isToResize = true;
  requestAnimationFrame(() => {
    isToResize = false;
    imageEngine().resize(true, true);
  });
}

export class StackView {
  readonly id = `stack-${(lastId += 1)}`;
  readonly viewport: StackViewport;
  stack: Stack | null = null;
  direction: -1 | 0 | 1 = 0;
  private shown = 0;
  private lastIndex = 0;
  private first: FirstLook = {};
  private justify: FirstLook['justify'];
  private presented: PresentedLook | null = null;
  /** The window that the state has set, as long as nobody has set another. */
  private following: Window | null = null;
  private pressedAt: { imageId: string; x: number; y: number } | null = null;
  private readonly sized = new ResizeObserver(resizeSoon);

  constructor(
    readonly element: HTMLDivElement,
    private readonly groupId: string,
    private readonly events: StackViewEvents,
  ) {
    const engine = imageEngine();
    engine.enableElement({ viewportId: this.id, type: Enums.ViewportType.STACK, element });
    this.viewport = engine.getViewport(this.id) as StackViewport;
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    element.addEventListener(Enums.Events.STACK_NEW_IMAGE, this.came);
    element.addEventListener('pointerdown', this.pressed, true);
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_ERROR, this.failed);
    ToolGroupManager.getToolGroup(groupId)?.addViewport(this.id, engine.id);
    this.sized.observe(element);
  }

  destroy(): void {
    this.sized.disconnect();
    this.stop();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    this.element.removeEventListener(Enums.Events.STACK_NEW_IMAGE, this.came);
    this.element.removeEventListener('pointerdown', this.pressed, true);
    eventTarget.removeEventListener(Enums.Events.IMAGE_LOAD_ERROR, this.failed);
    const engine = imageEngine();
    ToolGroupManager.getToolGroup(this.groupId)?.removeViewports(engine.id, this.id);
    // After a lost context the engine is another one, which does not know this viewport.
    if (engine.getViewport(this.id) !== undefined) engine.disableElement(this.id);
  }

  /** Shows one image of a stack at once; its neighbours are fetched only after it is on the screen. */
  async show(stack: Stack, look: FirstLook = {}): Promise<void> {
    const turn = (this.shown += 1);
    this.stop();
    const index = Math.min(Math.max(look.index ?? 0, 0), stack.imageIds.length - 1);
    const imageId = stack.imageIds[index];
    if (imageId === undefined) return;
    this.stack = stack;
    this.first = look;
    this.direction = 0;
    this.lastIndex = index;
    // The library would hold the window that was chosen for another stack to be this one's.
    this.viewport['voiUpdatedWithSetProperties'] = false;
    await this.viewport.setStack(stack.imageIds, index);
    if (turn !== this.shown) return;
    if (this.imageOnScreen() !== imageId) this.events.onImageFailed(index);
    this.justify = look.justify;
    if (look.window !== undefined) this.viewport.setProperties({ voiRange: rangeOf(look.window) });
    if (look.flipHorizontal === true) this.viewport.setCamera({ flipHorizontal: true });
    this.presented = look.presented ?? null;
    this.pushToEdge();
    this.presentState(look.window);
    this.viewport.render();
  }

  /** Mammograms stand with the chest wall at the edge that they share. */
  private pushToEdge(): void {
    if (this.justify === undefined) return;
    const at = this.justify === 'left' ? 0 : 1;
    this.viewport.setOptions({
      displayArea: { imageArea: [1, 1], imageCanvasPoint: { imagePoint: [at, 0.5], canvasPoint: [at, 0.5] }, storeAsInitialCamera: true },
    });
  }

  /** Asks again for the image that should be on the screen and is not. */
  retry(): void {
    const { stack, index } = this;
    if (stack === null || this.imageOnScreen() === stack.imageIds[index]) return;
    const { window: first, ...look } = this.first;
    // Nothing has been drawn yet where there is no window at all.
    const window = this.window() === null ? first : (this.chosenWindow() ?? undefined);
    void this.show(stack, { ...look, index, ...(window === undefined ? {} : { window }) }).catch(() => this.events.onImageFailed(index));
  }

  get index(): number {
    return this.viewport.getCurrentImageIdIndex();
  }

  followed(): Followed {
    return { planes: this.stack?.planes() ?? [], index: this.index };
  }

  scroll(by: number): void {
    this.viewport.scroll(by);
  }

  goTo(index: number): void {
    if (index !== this.index && this.stack?.imageIds[index] !== undefined) void this.viewport.setImageIdIndex(index);
  }

  /** Plays the stack, or stops; returns whether it plays now. */
  play(fps: number): void {
    toolUtilities.cine.playClip(this.element, { framesPerSecond: fps, loop: true });
  }

  stop(): void {
    toolUtilities.cine.stopClip(this.element, { stopDynamicCine: true, viewportId: this.id });
  }

  window(): Window | null {
    // Null, whatever its type says, while a stack is about to be replaced.
    const range: Types.VOIRange | null | undefined = this.viewport.getProperties().voiRange;
    return range ? windowOf(range) : null;
  }

  /** `null` while each image is shown in its own window, or in the one that a presentation state has for it. */
  private chosenWindow(): Window | null {
    const now = this.window();
    if (now === null || this.isFollowed(now)) return null;
    // Where the processor draws, the library does not tell: what is seen stays.
    return this.viewport.getProperties().isComputedVOI === true && !rendersOnCpu() ? null : now;
  }

  private isFollowed(window: Window): boolean {
    return this.following !== null && window.center === this.following.center && window.width === this.following.width;
  }

  setWindow(window: Window): void {
    this.viewport.setProperties({ voiRange: rangeOf(window) });
    this.viewport.render();
  }

  isInverted(): boolean {
    return this.viewport.getProperties().invert === true;
  }

  /** Shows an image as it was seen at another time. */
  async present(index: number, seen: { window: Window | null; turn: Turn; inverted: boolean | null }): Promise<void> {
    const imageId = this.stack?.imageIds[index];
    if (imageId === undefined) return;
    await this.viewport.setImageIdIndex(index);
    this.viewport.resetCamera();
    if (seen.window !== null) this.viewport.setProperties({ voiRange: rangeOf(seen.window) });
    if (seen.inverted !== null) this.viewport.setProperties({ invert: seen.inverted });
    this.turnTo(seen.turn, imageId);
    this.viewport.render();
  }

  private turnTo(turn: Turn, imageId: string): void {
    if (turn.mirrored) this.viewport.setCamera({ flipHorizontal: true });
    // Mirrored, the library turns the other way round.
    for (const rotation of [turn.rotation, (360 - turn.rotation) % 360]) {
      this.viewport.setViewPresentation({ ...this.viewport.getViewPresentation(), rotation });
      if (turnOf(this.affine(imageId)).rotation === turn.rotation) break;
    }
  }

  /** `window`: one that a protocol has chosen, which counts before the state's. */
  private presentState(window?: Window): void {
    const [state, imageId] = [this.presented, this.viewport.getCurrentImageId()];
    if (state === null || imageId === undefined) return;
    const own = state.windows?.[this.index] ?? state.window;
    this.following = null;
    if (window === undefined && own !== null) {
      this.viewport.setProperties({ voiRange: rangeOf(own) });
      this.following = this.window();
    }
    this.viewport.setProperties({ invert: state.inverted });
    this.turnTo(state.turn, imageId);
    if (state.area !== null) this.bringIntoView(state.area, imageId);
  }

  private bringIntoView(area: DisplayedArea, imageId: string): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const factor = zoomFor(area, this.affine(imageId), [width, height], window.devicePixelRatio);
    if (!Number.isFinite(factor) || factor <= 0) return;
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    const [x, y] = onScreen(this.affine(imageId), [(area.left + area.right) / 2, (area.top + area.bottom) / 2]);
    const [left, top] = this.viewport.getPan();
    this.viewport.setPan([left + width / 2 - x, top + height / 2 - y]);
  }

  look(): Look {
    const { zoom = 1, pan = [0, 0] } = this.viewport.getViewPresentation();
    return { zoom, pan };
  }

  setLook(look: Look): void {
    this.viewport.setViewPresentation({ ...this.viewport.getViewPresentation(), ...look });
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
    this.pushToEdge();
    this.presentState();
    this.viewport.render();
  }

  /** The image whose pixels are drawn, which after a failure is not the one that was asked for. */
  imageOnScreen(): string | undefined {
    const image = this.viewport.getCornerstoneImage() as { imageId: string } | undefined;
    return image?.imageId;
  }

  /** Along the middle of the screen; a canvas has no depth. */
  private pxPerUnit(): number {
    const { focalPoint, viewUp } = this.viewport.getCamera();
    if (focalPoint === undefined || viewUp === undefined) return 0;
    const beyond = focalPoint.map((value, axis) => value + (viewUp[axis] ?? 0)) as Types.Point3;
    const [from, to] = [this.viewport.worldToCanvas(focalPoint), this.viewport.worldToCanvas(beyond)];
    return Math.hypot(to[0] - from[0], to[1] - from[1]);
  }

  /** Three points of the image say how all of it lies on the screen. */
  private affine(imageId: string): Affine {
    const plane = imagePlaneOf(imageId);
    if (plane === null) return [1, 0, 0, 1, 0, 0];
    const at = (x: number, y: number) => this.viewport.worldToCanvas(toWorld(plane, [x, y]));
    const [origin, right, down] = [at(0, 0), at(1, 0), at(0, 1)];
    return [right[0] - origin[0], right[1] - origin[1], down[0] - origin[0], down[1] - origin[1], origin[0], origin[1]];
  }

  /** Where the image was pressed last, or what is in the middle of the screen; in its pixels. */
  pointedAt(): { x: number; y: number } {
    const imageId = this.viewport.getCurrentImageId() ?? '';
    if (this.pressedAt?.imageId === imageId) return this.pressedAt;
    return this.pixelAt(imageId, this.element.clientWidth / 2, this.element.clientHeight / 2);
  }

  private pixelAt(imageId: string, left: number, top: number): { x: number; y: number } {
    const [a, b, c, d, e, f] = this.affine(imageId);
    const [across, down, area] = [left - e, top - f, a * d - b * c];
    if (area === 0) return { x: 0, y: 0 };
    return { x: Math.max(0, (d * across - c * down) / area), y: Math.max(0, (a * down - b * across) / area) };
  }

  private readonly pressed = (event: PointerEvent): void => {
    const imageId = this.viewport.getCurrentImageId() ?? '';
    const { left, top } = this.element.getBoundingClientRect();
    this.pressedAt = { imageId, ...this.pixelAt(imageId, event.clientX - left, event.clientY - top) };
  };

  private readonly rendered = (): void => {
    const imageId = this.imageOnScreen();
    if (imageId === undefined) return;
    const index = this.viewport.getImageIds().indexOf(imageId);
    if (index !== this.lastIndex) this.direction = index > this.lastIndex ? 1 : -1;
    this.lastIndex = index;
    this.events.onRendered({
      imageId,
      index,
      count: this.viewport.getImageIds().length,
      window: this.window(),
      chosenWindow: this.chosenWindow(),
      zoom: this.viewport.getZoom(),
      orientation: orientationLetters(this.viewport.getCamera()),
      pxPerUnit: this.pxPerUnit(),
      affine: this.affine(imageId),
    });
  };

  /** Before an image is drawn: where a state has a window for each, it has its own, until the reader chooses another. */
  private readonly came = (event: Event): void => {
    const windows = this.presented?.windows ?? null;
    if (windows === null || this.following === null) return;
    const [now, { imageIdIndex }] = [this.window(), (event as Types.CustomEventType<{ imageIdIndex: number }>).detail];
    if (now === null || !this.isFollowed(now)) {
      this.following = null;
      return;
    }
    const own = windows[imageIdIndex] ?? null;
    if (own === null) return;
    this.viewport.setProperties({ voiRange: rangeOf(own) });
    this.following = this.window();
  };

  private readonly failed = (event: Event): void => {
    const { imageId } = (event as Types.CustomEventType<{ imageId: string }>).detail;
    if (this.imageOnScreen() !== imageId && this.viewport.getCurrentImageId() === imageId) this.events.onImageFailed(this.index);
  };
}
