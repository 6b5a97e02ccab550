/** The tools of the image viewer, their keys, and the Cornerstone tools that do the work. */
import {
  AngleTool,
  ArrowAnnotateTool,
  CobbAngleTool,
  EllipticalROITool,
  LengthTool,
  MagnifyTool,
  PanTool,
  ProbeTool,
  RectangleROITool,
  StackScrollTool,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';

/** The library's ruler without its undo by `z`, which is the page's key for zooming. */
class RulerTool extends LengthTool {
  override undo(): void {}
  override redo(): void {}
}

/** One of the two widths of a cardiothoracic ratio; the second one on an image completes it. */
class ChestWidthTool extends RulerTool {
  static override toolName = 'ChestWidth';
}

export const viewTools = ['window', 'scroll', 'zoom', 'pan', 'magnify'] as const;
export const measureTools = ['length', 'angle', 'cobb', 'ratio', 'ellipse', 'rectangle', 'probe', 'arrow'] as const;
export const pointerTools = [...viewTools, ...measureTools] as const;
export type MeasureTool = (typeof measureTools)[number];
export type PointerTool = (typeof pointerTools)[number];

export const isMeasureTool = (tool: PointerTool): boolean => (measureTools as readonly PointerTool[]).includes(tool);

export const toolClasses = {
  window: WindowLevelTool,
  scroll: StackScrollTool,
  zoom: ZoomTool,
  pan: PanTool,
  magnify: MagnifyTool,
  length: RulerTool,
  angle: AngleTool,
  cobb: CobbAngleTool,
  ratio: ChestWidthTool,
  ellipse: EllipticalROITool,
  rectangle: RectangleROITool,
  probe: ProbeTool,
  arrow: ArrowAnnotateTool,
} as const;

export const toolName = (tool: PointerTool): string => toolClasses[tool].toolName;

/** What was measured with a Cornerstone tool of this name. */
export function measureToolNamed(name: string): MeasureTool | null {
  return measureTools.find((tool) => toolName(tool) === name) ?? null;
}

/** Without a key: scrolling, which the wheel does whatever the tool. */
export const toolKeys: Partial<Record<PointerTool, string>> = {
  window: 'w',
  zoom: 'z',
  pan: 'p',
  magnify: 'u',
  length: 'l',
  angle: 'a',
  cobb: 'c',
  ratio: 'y',
  ellipse: 'e',
  rectangle: 'b',
  probe: 'd',
  arrow: 't',
};

export const imageActions = ['invert', 'rotate', 'flipHorizontal', 'flipVertical', 'reset'] as const;
export type ImageAction = (typeof imageActions)[number];

export const actionKeys: Record<ImageAction, string> = {
  invert: 'i',
  rotate: 'r',
  flipHorizontal: 'h',
  flipVertical: 'v',
  reset: 'x',
};
