/** Several stacks side by side: their tools, the one that the keys mean, and how they follow each other. Knows nothing of React. */
import { cache, eventTarget, Enums, imageLoader, type Types } from '@cornerstonejs/core';
import { Enums as ToolEnums, ReferenceLinesTool, ToolGroupManager, annotation } from '@cornerstonejs/tools';
import i18next from 'i18next';
import { whenImagesComeBack } from './comeback';
import { imageBudget_bytes, imageEngine } from './engine';
import { follow, offsetBetween, overlap } from './linking';
import type { Links } from './hanging';
import { measureLines, type Stats, type Words } from './measureText';
import { Prefetcher, type ImageStore, type Reading } from './prefetch';
import { StackView, type StackViewEvents } from './StackView';
import { measureTools, pointerTools, toolClasses, toolName, type MeasureTool, type PointerTool } from './tools';

const { MouseBindings } = ToolEnums;
type ToolBinding = { mouseButton?: ToolEnums.MouseBindings; numTouchPoints?: number };

/** A word with which an arrow points at something; `null` when the reader thinks better of it. */
export type AskText = (before: string) => Promise<string | null>;

/** What of the library's measuring tools says that something is half drawn, and ends it. */
interface Drawing {
  isDrawing: boolean;
  editData: { annotation: { annotationUID?: string }; newAnnotation?: boolean } | null;
  cancel: (element: HTMLDivElement) => void;
  /** A probe has none. */
  _deactivateDraw?: (element: HTMLDivElement) => void;
  _deactivateModify: (element: HTMLDivElement) => void;
}

const words: Words = (key, values) => i18next.t(`images.measured.${key}`, { value: '', ...values });

/**
 * The library asks a probed image for the slice of its stack, which a single image does not have: beyond the first slice it
 * finds no value. It is read from the image itself.
 */
export function withPixel(stats: Stats, imageId: string | undefined): Stats {
  const [column, row] = stats.index ?? [];
  if (typeof stats.value === 'number' || Array.isArray(stats.value) || column === undefined || row === undefined || imageId === undefined) return stats;
  const value = cache.getImage(imageId)?.voxelManager?.getAtIJKPoint([column, row, 0]) as number | undefined;
  return value === undefined ? stats : { ...stats, value };
}

/** The other width of a cardiothoracic ratio on the same image. */
export function otherWidth(uid: string, imageId: string | undefined): number | null {
  const others = annotation.state
    .getAllAnnotations()
    .filter((one) => one.metadata?.toolName === toolName('ratio') && one.annotationUID !== uid && one.metadata?.referencedImageId === imageId);
  const stats = Object.values((others[0]?.data['cachedStats'] ?? {}) as Record<string, Stats>)[0];
  return stats?.length ?? null;
}

/** What is written beside an annotation: the same words as in the list. */
export function linesOf(tool: MeasureTool, uid: string, stats: Stats, imageId: string | undefined): string[] {
  const outside = (tool === 'length' || tool === 'ellipse' || tool === 'rectangle') && isOutsideRegions(stats, imageId);
  const lines = measureLines(tool, stats, words, tool === 'ratio' ? otherWidth(uid, imageId) : null);
  return outside ? [...lines, words('outside')] : lines;
}

let regionsOf: (imageId: string) => boolean = () => false;

/** In an ultrasound image with calibrated regions a length in pixels lies outside them. */
function isOutsideRegions(stats: Stats, imageId: string | undefined): boolean {
  const unit = stats.unit ?? stats.areaUnit ?? '';
  return imageId !== undefined && unit.startsWith('px') && regionsOf(imageId);
}

const imageStore: ImageStore = {
  has: (imageId) => cache.getImageLoadObject(imageId) !== undefined,
  size: () => cache.getCacheSize(),
  load: (imageId) => imageLoader.loadAndCacheImage(imageId, { priority: 5, requestType: Enums.RequestType.Prefetch }),
  drop: (imageId) => {
    if (cache.getImageLoadObject(imageId) !== undefined) cache.removeImageLoadObject(imageId, { force: true });
  },
};

let lastId = 0;

export class Stage {
  readonly groupId = `stage-${(lastId += 1)}`;
  private readonly views: StackView[] = [];
  private active: StackView | null = null;
  private tool: PointerTool = 'window';
  private links: Links = { scroll: false, look: false };
  private referenceLines = true;
  /** From the active view to each of the others, in mm; `null` where they cannot follow. */
  private offsets = new Map<StackView, number | null>();
  private following = false;
  private prefetcher: Prefetcher | null = null;
  private stopRetrying: (() => void) | null = null;

  constructor(private readonly askText: AskText) {}

  /** The tools, there as long as there are views. */
  private makeTools(): void {
    if (ToolGroupManager.getToolGroup(this.groupId) !== undefined) return;
    imageEngine();
    const group = ToolGroupManager.createToolGroup(this.groupId);
    for (const tool of pointerTools) group?.addTool(toolName(tool), this.configurationOf(tool, this.askText));
    group?.addTool(ReferenceLinesTool.toolName, { sourceViewportId: '', showFullDimension: true });
    this.choose(this.tool);
    this.stopRetrying ??= whenImagesComeBack(() => {
      this.prefetcher?.retry();
      this.views.forEach((view) => view.retry());
    });
    regionsOf = (imageId) => this.views.some(({ stack }) => stack?.spacingByImageId.get(imageId)?.basis === 'regions');
  }

  private configurationOf(tool: PointerTool, askText: AskText): Record<string, unknown> {
    if (tool === 'magnify') return { magnifySize: 4, magnifyWidth: 260, magnifyHeight: 260 };
    if (tool === 'arrow') {
      return {
        arrowFirst: true,
        getTextCallback: (done: (text: string | null) => void) => void askText('').then(done),
        changeTextCallback: (data: { data?: { label?: string } }, _event: unknown, done: (text: string | null) => void) =>
          void askText(data.data?.label ?? '').then((text) => done(text ?? data.data?.label ?? '')),
      };
    }
    const measure = measureTools.find((one) => one === tool);
    if (measure === undefined) return {};
    return {
      getTextLines: (data: { cachedStats: Record<string, Stats> }, targetId: string) => {
        const stats = data.cachedStats[targetId];
        if (stats === undefined) return undefined;
        const own = annotation.state.getAllAnnotations().find((one) => one.data === data);
        const imageId = own?.metadata?.referencedImageId;
        const lines = linesOf(measure, own?.annotationUID ?? '', measure === 'probe' ? withPixel(stats, imageId) : stats, imageId);
        return lines.length === 0 ? undefined : lines;
      },
    };
  }

  add(element: HTMLDivElement, events: StackViewEvents): StackView {
    this.makeTools();
    const view: StackView = new StackView(element, this.groupId, {
      ...events,
      onRendered: (state) => {
        events.onRendered(state);
        this.moved(view);
      },
    });
    this.views.push(view);
    this.active ??= view;
    return view;
  }

  remove(view: StackView): void {
    this.views.splice(this.views.indexOf(view), 1);
    this.offsets.delete(view);
    if (this.active === view) this.active = this.views[0] ?? null;
    view.destroy();
    if (this.views.length === 0) {
      ToolGroupManager.destroyToolGroup(this.groupId);
      this.stopRetrying?.();
      this.stopRetrying = null;
    }
    this.fetchAhead();
  }

  /** The view that keys and presets mean, and that the others follow. */
  activate(view: StackView): void {
    if (this.active === view) return;
    this.active = view;
    this.align();
    this.showReferenceLines(this.referenceLines);
    this.fetchAhead();
  }

  current(): StackView | null {
    return this.active;
  }

  /** What the primary button does; wheel, middle and right button keep their meaning. */
  choose(tool: PointerTool): void {
    const group = ToolGroupManager.getToolGroup(this.groupId);
    if (group === undefined) return;
    group.setToolPassive(toolName(this.tool));
    this.tool = tool;
    const primary: ToolBinding[] = [{ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 }];
    const standing: [PointerTool, ToolBinding[]][] = [
      ['scroll', [{ mouseButton: MouseBindings.Wheel }]],
      ['pan', [{ mouseButton: MouseBindings.Auxiliary }]],
      ['zoom', [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }]],
    ];
    for (const [name, bindings] of standing) {
      group.setToolActive(toolName(name), { bindings: name === tool ? [...bindings, ...primary] : bindings });
    }
    if (!standing.some(([name]) => name === tool)) group.setToolActive(toolName(tool), { bindings: primary });
    // What has been measured can be seen and moved whatever the tool.
    for (const name of measureTools) if (name !== tool) group.setToolPassive(toolClasses[name].toolName);
  }

  /** Ends what is being drawn, of which nothing stays, or moved; says whether there was anything. */
  stopDrawing(): boolean {
    const group = ToolGroupManager.getToolGroup(this.groupId);
    const drawing = measureTools.map((name) => group?.getToolInstance(toolName(name)) as Drawing | undefined).find((tool) => tool?.isDrawing === true);
    const pressed = this.active ?? this.views[0];
    if (pressed === undefined || drawing === undefined || drawing.editData === null) return false;
    const { annotation: drawn, newAnnotation: isNew } = drawing.editData;
    // The library does not say in which of them it listens to the pointer.
    for (const { element } of this.views) {
      drawing._deactivateDraw?.(element);
      drawing._deactivateModify(element);
    }
    drawing.cancel(pressed.element);
    if (isNew === true && drawn.annotationUID !== undefined) annotation.state.removeAnnotation(drawn.annotationUID);
    return true;
  }

  link(links: Links): void {
    this.links = links;
    this.align();
  }

  showReferenceLines(shown: boolean): void {
    this.referenceLines = shown;
    const group = ToolGroupManager.getToolGroup(this.groupId);
    if (group === undefined) return;
    if (!shown || this.views.length < 2 || this.active === null) {
      group.setToolDisabled(ReferenceLinesTool.toolName);
      return;
    }
    group.setToolConfiguration(ReferenceLinesTool.toolName, { sourceViewportId: this.active.id });
    group.setToolEnabled(ReferenceLinesTool.toolName);
  }

  /** Remembers how far the others are from the active view: that is what stays. */
  align(): void {
    this.offsets = new Map();
    const lead = this.active;
    if (lead === null || !this.links.scroll) return;
    for (const view of this.views) {
      if (view !== lead) this.offsets.set(view, offsetBetween(lead.followed(), view.followed()));
    }
  }

  /** A stack that has just been hung beside the active one begins where that is, if the two show a common part. */
  hung(view: StackView): void {
    const lead = this.active;
    if (lead !== null && lead !== view && this.links.scroll && overlap(lead.followed().planes, view.followed().planes)) {
      const index = follow(lead.followed(), view.followed().planes, 0);
      if (index !== null) view.goTo(index);
      const offset = lead.followed().planes.length === 0 ? null : 0;
      this.offsets.set(view, offset);
    } else if (view === lead) {
      // The others were there first: they come to it.
      for (const other of this.views) if (other !== view && other.stack !== null) this.hung(other);
    }
    this.showReferenceLines(this.referenceLines);
  }

  private moved(view: StackView): void {
    this.fetchAhead();
    if (view !== this.active || this.following) return;
    this.following = true;
    for (const other of this.views) if (other !== view && other.stack !== null) this.bring(view, other);
    this.following = false;
  }

  private bring(lead: StackView, other: StackView): void {
    const offset = this.offsets.get(other);
    if (this.links.scroll && offset !== undefined && offset !== null) {
      const index = follow(lead.followed(), other.followed().planes, offset);
      if (index !== null) other.goTo(index);
    }
    if (!this.links.look) return;
    const [look, has] = [lead.look(), other.look()];
    if (Math.abs(look.zoom - has.zoom) > 1e-3 || Math.hypot(look.pan[0] - has.pan[0], look.pan[1] - has.pan[1]) > 0.5) other.setLook(look);
    const [window, had] = [lead.window(), other.window()];
    if (window !== null && had !== null && !lead.hasTable() && sameUnits(lead, other) && (window.center !== had.center || window.width !== had.width)) {
      other.setWindow(window);
    }
  }

  private fetchAhead(): void {
    const inOrder = [...this.views].sort((a, b) => Number(b === this.active) - Number(a === this.active));
    const readings = inOrder.flatMap((view): Reading[] => {
      // Neighbours wait until the image itself is on the screen.
      if (view.stack === null || view.imageOnScreen() === undefined) return [];
      return [{ imageIds: view.stack.imageIds, index: view.index, direction: view.direction, bytes: view.stack.bytesOfOne }];
    });
    this.prefetcher ??= new Prefetcher(imageStore, imageBudget_bytes());
    this.prefetcher.read(readings);
  }
}

/** A window means the same in both: Hounsfield units, say. */
function sameUnits(a: StackView, b: StackView): boolean {
  const modality = (view: StackView) => view.stack?.instanceByImageId.get(view.imageOnScreen() ?? '')?.['00080060']?.Value?.[0];
  return modality(a) === modality(b);
}

/** Tells when images come into memory or leave it; returns what ends that. */
export function whenImagesCome(tell: (imageId: string, isHere: boolean) => void): () => void {
  const added = (event: Event) => tell((event as Types.CustomEventType<{ image: { imageId: string } }>).detail.image.imageId, true);
  const removed = (event: Event) => tell((event as Types.CustomEventType<{ imageId: string }>).detail.imageId, false);
  eventTarget.addEventListener(Enums.Events.IMAGE_CACHE_IMAGE_ADDED, added);
  eventTarget.addEventListener(Enums.Events.IMAGE_CACHE_IMAGE_REMOVED, removed);
  return () => {
    eventTarget.removeEventListener(Enums.Events.IMAGE_CACHE_IMAGE_ADDED, added);
    eventTarget.removeEventListener(Enums.Events.IMAGE_CACHE_IMAGE_REMOVED, removed);
  };
}

export const isInMemory = (imageId: string): boolean => cache.getImageLoadObject(imageId)?.promise !== undefined && cache.isLoaded(imageId);
export const memory_bytes = (): number => cache.getCacheSize();
