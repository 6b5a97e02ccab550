/**
 * One stack of images on the screen and what a reader can do to it. Wraps a Cornerstone3D viewport; knows nothing of React,
 * and of other stacks only that they share its tools.
 */
import { Enums, eventTarget, type StackViewport, type Types } from '@cornerstonejs/core';
import { ToolGroupManager, utilities as toolUtilities } from '@cornerstonejs/tools';
import { onScreen, type Affine } from './documents/affine';
import { zoomFor, type DisplayedArea } from './documents/displayedArea';
import { imageEngine, rendersOnCpu } from './engine';
import { greysFor } from './greys';
import { imagePlaneOf } from './imagePlane';
import { turnOf, type Turn } from './keyFrame';
import type { Followed } from './linking';
import { toWorld } from './measured';
import { orientationLetters, type OrientationLetters } from './orientation';
import { exactWindowOf, rangeOf, windowOf, type Window } from './presets';
import type { Stack } from './stack';
import { curveOf, greysBetween, isLowWhite, isTable, usefulRange, type Greys, type Range, type Table, type Voi } from './tables';

/** What the reader sees at this moment. */
export interface ViewState {
  imageId: string;
  index: number;
  count: number;
  /** `null` where a table makes the greys. */
  window: Window | null;
  /** That table; `isOwn` if the image is shown so wherever nobody says otherwise. */
  table: { label: string; isOwn: boolean } | null;
  /** What somebody has chosen for the whole stack; `null` where each image is as it opens. */
  chosen: { window: Window } | { table: number } | null;
  /** What the image says of its greys beyond a window. */
  greys: Greys | undefined;
  /** A curve or a table that the processor cannot draw. */
  lacksCurve: boolean;
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
  /** Which of each image's tables, from 0. */
  table?: number;
  justify?: 'left' | 'right';
  flipHorizontal?: boolean;
  /** As a presentation state has it, which counts instead of what the image says of itself. */
  presented?: PresentedLook;
}

/** What of a presentation state (PS3.3 §A.33.1) is applied to a whole stack. */
export interface PresentedLook {
  voi: Voi | null;
  /** Of each image of the stack, where they differ. */
  vois: readonly (Voi | null)[] | null;
  presentation: Table | null;
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
/** The library's, for a straight line. */
const usualTextureWidth = 1024;
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
  /** A window, or which of each image's tables, instead of what the state or the image has. */
  private chosen: Range | number | null = null;
  /** Whether somebody has exchanged black and white. */
  private isExchanged = false;
  /** What makes the greys now; `null` is the image's own window. */
  private voi: Voi | null = null;
  private isCurved = false;
  private lacksCurve = false;
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
    element.addEventListener(Enums.Events.VOI_MODIFIED, this.rewindowed);
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
    this.element.removeEventListener(Enums.Events.VOI_MODIFIED, this.rewindowed);
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
    this.presented = look.presented ?? null;
    this.chosen = look.window === undefined ? (look.table ?? null) : rangeOf(look.window);
    this.isExchanged = false;
    // The library would hold the window that was chosen for another stack to be this one's.
    this.viewport['voiUpdatedWithSetProperties'] = false;
    await this.viewport.setStack(stack.imageIds, index);
    if (turn !== this.shown) return;
    if (this.imageOnScreen() !== imageId) this.events.onImageFailed(index);
    this.justify = look.justify;
    if (look.flipHorizontal === true) this.viewport.setCamera({ flipHorizontal: true });
    this.pushToEdge();
    this.arrange();
    this.presentState();
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
    const look: FirstLook = { ...this.first, index };
    delete look.window;
    delete look.table;
    void this.show(stack, { ...look, ...this.choice() }).catch(() => this.events.onImageFailed(index));
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

  private choice(): ViewState['chosen'] {
    if (this.chosen === null) return null;
    return typeof this.chosen === 'number' ? { table: this.chosen } : { window: windowOf(this.chosen) };
  }

  setWindow(window: Window): void {
    this.choose(rangeOf(window));
  }

  /** Which of each image's own tables; an image that has none there stays as it opens. */
  setTable(table: number): void {
    this.choose(table);
  }

  private choose(chosen: Range | number): void {
    this.chosen = chosen;
    this.arrange();
    this.viewport.render();
  }

  /** Whether a table makes the greys, and no window that could be another stack's, too. */
  hasTable(): boolean {
    return isTable(this.voi);
  }

  isInverted(): boolean {
    return this.opensInverted() !== this.isExchanged;
  }

  private opensInverted(): boolean {
    return this.presented?.inverted ?? isLowWhite(this.stack?.instanceByImageId.get(this.imageOnScreen() ?? ''));
  }

  /** Brings the image that is there into the greys that it is to have: the library keeps those of the image before. */
  private arrange(): void {
    const image = this.image();
    if (image === undefined) return;
    const { viewport, chosen } = this;
    this.voi = this.voiOf(image);
    viewport['voiUpdatedWithSetProperties'] = false;
    const isWindow = chosen !== null && typeof chosen !== 'number';
    const range = isWindow ? chosen : this.voi === null ? viewport['_getVOIFromCache']() : usefulRange(this.voi);
    viewport.setProperties({ voiRange: range, invert: this.isInverted() }, true);
    viewport['voiUpdatedWithSetProperties'] = isWindow;
    this.paint(image);
  }

  private voiOf(image: Types.IImage): Voi | null {
    if (image.color) return null;
    const [greys, { chosen, presented }] = [greysFor(image), this];
    const windowed = (window: Window): Voi => (greys?.isSigmoid === true ? { sigmoid: window } : window);
    if (typeof chosen === 'number') {
      const table = greys?.tables[chosen];
      if (table !== undefined && table !== null) return table;
    } else if (chosen !== null) {
      return windowed(exactWindowOf(chosen));
    }
    const ofState = presented?.vois?.[this.index] ?? presented?.voi ?? null;
    if (ofState !== null || greys === undefined) return ofState;
    if (!greys.hasWindow) return greys.tables[0] ?? null;
    return greys.isSigmoid ? windowed({ center: Number(image.windowCenter), width: Number(image.windowWidth) }) : null;
  }

  /** Gives whatever draws the curve from values to greys, or the straight line again. */
  private paint(image: Types.IImage): void {
    const { voiRange: range } = this.viewport.getProperties();
    if (range === undefined || range === null) return;
    const presentation = image.color ? null : (this.presented?.presentation ?? null);
    const voi = this.voi ?? exactWindowOf(range);
    const isCurved = presentation !== null || isTable(voi) || 'sigmoid' in voi;
    this.lacksCurve = false;
    if (!isCurved && !this.isCurved) return;
    this.isCurved = isCurved;
    if (rendersOnCpu()) this.paintOnCpu(image, isCurved ? voi : null, presentation);
    else this.paintOnCard(isCurved ? curveOf(voi, presentation) : { ...range, shades: Float64Array.of(0, 1) }, isCurved);
  }

  private paintOnCard({ lower, upper, shades }: ReturnType<typeof curveOf>, isCurved: boolean): void {
    const actor = this.viewport.getDefaultActor()?.actor as Types.ImageActor | undefined;
    if (actor === undefined) return;
    const [isInverted, last] = [this.isInverted(), shades.length - 1];
    const nodes = Array.from(shades, (shade, at) => {
      const grey = isInverted ? 1 - shade : shade;
      return { x: lower + (at / last) * (upper - lower), r: grey, g: grey, b: grey, midpoint: 0.5, sharpness: 0 };
    });
    actor.getProperty().getRGBTransferFunction(0)?.setNodes(nodes);
    // As many as there are steps: each lies in the middle of a texel.
    (actor.getMapper() as unknown as { setColorTextureWidth: (width: number) => void }).setColorTextureWidth(isCurved ? shades.length : usualTextureWidth);
  }

  private paintOnCpu(image: Types.IImage, voi: Voi | null, presentation: Table | null): void {
    const drawn = this.viewport['_cpuFallbackEnabledElement']?.viewport;
    if (drawn === undefined) return;
    const { slope, intercept, isPreScaled, minPixelValue, maxPixelValue } = image;
    const [min, max] = [minPixelValue, maxPixelValue].map((value) => (isPreScaled === true ? value : value * slope + intercept)) as [number, number];
    this.lacksCurve = voi !== null && ![slope, intercept, min, max].every(Number.isInteger);
    if (voi === null || this.lacksCurve) {
      delete drawn.voiLUT;
      return;
    }
    const greys = greysBetween(voi, presentation, min, max);
    // The library takes the largest entry for white, and the last for all that lies beyond: the first is for no value at all.
    Object.assign(drawn, { voiLUT: { id: `greys-${(lastId += 1)}`, firstValueMapped: min - 1, lut: [255, ...greys, greys.at(-1)] } });
  }

  /** Shows an image as it was seen at another time. */
  async present(index: number, seen: { window: Window | null; turn: Turn; inverted: boolean | null }): Promise<void> {
    const imageId = this.stack?.imageIds[index];
    if (imageId === undefined) return;
    await this.viewport.setImageIdIndex(index);
    this.viewport.resetCamera();
    this.chosen = seen.window === null ? null : rangeOf(seen.window);
    if (seen.inverted !== null) this.isExchanged = seen.inverted !== this.opensInverted();
    this.arrange();
    this.turnTo(seen.turn, imageId);
    this.viewport.render();
  }

  private turnTo(turn: Turn, imageId: string): void {
    if (turn.mirrored) this.viewport.setCamera({ flipHorizontal: true });
    // Mirrored, the library turns the other way round.
    for (const rotation of [turn.rotation, (360 - turn.rotation) % 360]) {
      this.turn(rotation);
      if (turnOf(this.affine(imageId)).rotation === turn.rotation) break;
    }
  }

  private presentState(): void {
    const [state, imageId] = [this.presented, this.viewport.getCurrentImageId()];
    if (state === null || imageId === undefined) return;
    this.turnTo(state.turn, imageId);
    if (state.area !== null) this.bringIntoView(state.area, imageId);
  }

  private bringIntoView(area: DisplayedArea, imageId: string): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const factor = zoomFor(area, this.affine(imageId), [width, height], window.devicePixelRatio);
    if (!Number.isFinite(factor) || factor <= 0) return;
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    const [x, y] = onScreen(this.affine(imageId), [(area.left + area.right) / 2, (area.top + area.bottom) / 2]);
    if (rendersOnCpu()) {
      this.viewport.setCamera({ focalPoint: this.viewport.canvasToWorld([x, y]) });
      return;
    }
    const [left, top] = this.viewport.getPan();
    this.viewport.setPan([left + width / 2 - x, top + height / 2 - y]);
  }

  private turn(rotation: number): void {
    const { pan, ...seen } = this.viewport.getViewPresentation();
    // Where the processor draws, the library takes a shift on the screen for a place in the patient, and reckons with the turn before.
    this.viewport.setViewPresentation(rendersOnCpu() || pan === undefined ? { ...seen, rotation } : { ...seen, pan, rotation });
    if (rendersOnCpu()) this.viewport.setCamera({});
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
    this.isExchanged = !this.isExchanged;
    this.arrange();
    this.viewport.render();
  }

  rotate(): void {
    this.turn(((this.viewport.getViewPresentation().rotation ?? 0) + 90) % 360);
    this.viewport.render();
  }

  flip(axis: 'horizontal' | 'vertical'): void {
    const { flipHorizontal = false, flipVertical = false } = this.viewport.getCamera();
    this.viewport.setCamera(axis === 'horizontal' ? { flipHorizontal: !flipHorizontal } : { flipVertical: !flipVertical });
    this.viewport.render();
  }

  reset(): void {
    this.viewport.resetCamera();
    this.chosen = null;
    this.isExchanged = false;
    this.pushToEdge();
    this.arrange();
    this.presentState();
    this.viewport.render();
  }

  /** The image whose pixels are drawn, which after a failure is not the one that was asked for. */
  imageOnScreen(): string | undefined {
    return this.image()?.imageId;
  }

  private image(): Types.IImage | undefined {
    return this.viewport.getCornerstoneImage() as Types.IImage | undefined;
  }

  private seenTable(): ViewState['table'] {
    if (!isTable(this.voi)) return null;
    const greys = greysFor(this.image());
    return { label: this.voi.label, isOwn: this.presented?.presentation == null && greys?.hasWindow === false && greys.tables[0] === this.voi };
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
      window: isTable(this.voi) ? null : this.window(),
      table: this.seenTable(),
      chosen: this.choice(),
      greys: greysFor(this.image()),
      lacksCurve: this.lacksCurve,
      zoom: this.viewport.getZoom(),
      orientation: orientationLetters(this.viewport.getCamera()),
      pxPerUnit: this.pxPerUnit(),
      affine: this.affine(imageId),
    });
  };

  /** Before an image is drawn. */
  private readonly came = (): void => {
    // Where the processor draws, the library makes its settings only after it has told.
    if (rendersOnCpu()) queueMicrotask(() => this.arrange());
    else this.arrange();
  };

  /** The reader drags the window: it leaves the table, and begins from where that was of use. */
  private readonly rewindowed = (): void => {
    const [image, { voiRange, isComputedVOI }] = [this.image(), this.viewport.getProperties()];
    if (image === undefined || voiRange === undefined || voiRange === null || (isComputedVOI === true && !rendersOnCpu())) return;
    this.chosen = voiRange;
    this.voi = this.voiOf(image);
    this.paint(image);
  };

  private readonly failed = (event: Event): void => {
    const { imageId } = (event as Types.CustomEventType<{ imageId: string }>).detail;
    if (this.imageOnScreen() !== imageId && this.viewport.getCurrentImageId() === imageId) this.events.onImageFailed(this.index);
  };
}
