/** Cornerstone3D, started once for the whole application. */
import {
  RenderingEngine,
  getRenderingEngine,
  getShouldUseCPURendering,
  init as startCore,
} from '@cornerstonejs/core';
import { init as startLoader } from '@cornerstonejs/dicom-image-loader';
import {
  AngleTool,
  EllipticalROITool,
  LengthTool,
  PanTool,
  StackScrollTool,
  WindowLevelTool,
  ZoomTool,
  addTool,
  init as startTools,
  utilities,
} from '@cornerstonejs/tools';

const engineId = 'farsight';
let started = false;

function start(): void {
  if (started) return;
  started = true;
  // One WebGL context serves all viewports; the default of seven costs seconds without a graphics card.
  startCore({ rendering: { webGlContextCount: 1 }, debug: {} });
  startLoader();
  startTools();
  [WindowLevelTool, ZoomTool, PanTool, StackScrollTool, LengthTool, AngleTool, EllipticalROITool].forEach((tool) =>
    addTool(tool),
  );
  utilities.stackContextPrefetch.setConfiguration({
    maxImagesToPrefetch: Infinity,
    minBefore: 3,
    maxAfter: 12,
    directionExtraImages: 20,
    preserveExistingPool: false,
  });
}

/** The rendering engine; the first call starts everything, so it may be called early to have it warm. */
export function imageEngine(): RenderingEngine {
  start();
  return (getRenderingEngine(engineId) as RenderingEngine | undefined) ?? new RenderingEngine(engineId);
}

/** There is no WebGL: slower, but every pixel is the same. */
export function rendersOnCpu(): boolean {
  start();
  return getShouldUseCPURendering();
}
