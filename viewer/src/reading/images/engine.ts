/** Cornerstone3D, started once for the whole application. */
import {
  Enums,
  RenderingEngine,
  cache,
  eventTarget,
  getRenderingEngine,
  getShouldUseCPURendering,
  init as startCore,
  setUseCPURendering,
} from '@cornerstonejs/core';
import { init as startLoader } from '@cornerstonejs/dicom-image-loader';
import { CrosshairsTool, ReferenceLinesTool, addTool, annotation, init as startTools } from '@cornerstonejs/tools';
import { readStored } from '../../ui/useStored';
import { imageRefused, quietLoader } from './comeback';
import { loadWithGreys } from './greys';
import { clearOverlaysFromValues } from './overlayPlanes/clearedValues';
import { toolClasses } from './tools';

const engineId = 'farsight';
const mib = 1024 * 1024;
const annotationStyle = {
  color: 'rgb(255, 215, 94)',
  colorHighlighted: 'rgb(45, 212, 191)',
  colorSelected: 'rgb(45, 212, 191)',
  textBoxColor: 'rgb(255, 215, 94)',
  textBoxColorHighlighted: 'rgb(45, 212, 191)',
  textBoxFontFamily: "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif",
  textBoxFontSize: '13px',
};
let started = false;
const onContextLost = new Set<() => void>();

/** Bytes of decoded images. A quarter of the memory that the browser admits to, or what somebody has set on this machine. */
export function imageBudget_bytes(): number {
  const set_mb = readStored<number | null>('farsight.images.budgetMb', null);
  if (typeof set_mb === 'number' && set_mb >= 16) return set_mb * mib;
  const memory_gb = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return Math.min(Math.max(memory_gb / 4, 0.25), 1.5) * 1024 * mib;
}

function start(): void {
  if (started) return;
  started = true;
  // One WebGL context serves all viewports; the default of seven costs seconds without a graphics card.
  startCore({ rendering: { webGlContextCount: 1 }, debug: {} });
  startLoader({ errorInterceptor: imageRefused });
  loadWithGreys();
  quietLoader();
  clearOverlaysFromValues();
  startTools();
  [...Object.values(toolClasses), ReferenceLinesTool, CrosshairsTool].forEach((tool) => addTool(tool));
  const styles = annotation.config.style;
  const usual = styles.getDefaultToolStyles();
  styles.setDefaultToolStyles({ ...usual, global: { ...usual.global, ...annotationStyle } });
  // The last line of defence; the prefetcher stays below it by itself.
  cache.setMaxCacheSize(imageBudget_bytes() * 1.25);
  eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, fallBackToCpu);
}

/** The graphics card has gone: everything is drawn again by the processor. */
function fallBackToCpu(): void {
  if (getShouldUseCPURendering()) return;
  setUseCPURendering(true);
  (getRenderingEngine(engineId) as RenderingEngine | undefined)?.destroy();
  onContextLost.forEach((tell) => tell());
}

/** Tells when viewports have to be made anew; returns what ends that. */
export function whenContextIsLost(tell: () => void): () => void {
  onContextLost.add(tell);
  return () => void onContextLost.delete(tell);
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
