/** Objective magnification and micrometres on the screen. Pure geometry. */
import type { Slide } from '../../api/types';

export const objectives = [1, 2, 5, 10, 20, 40] as const;

/** At 0.25 µm a pixel a slide counts as 40×: the usual rule where the scanner did not say. */
const mppTimesObjective = 10;

/** The objective the slide was scanned with; `null` when neither it nor the pixel size is known. */
export function nativeObjective(slide: Pick<Slide, 'objective' | 'mpp_um'>): number | null {
  if (slide.objective !== null) return slide.objective;
  return slide.mpp_um === null ? null : Math.round((mppTimesObjective / slide.mpp_um.x) * 10) / 10;
}

/** Screen pixels per slide pixel at which the slide looks as under `objective`. */
export function imageZoomFor(objective: number, native: number): number {
  return objective / native;
}

/** Beyond this a scanner's pixel only grows; but the strongest objective can always be chosen. */
const magnifyBeyondNative = 4;

/** The most screen pixels for one slide pixel. */
export function zoomMax(slide: Pick<Slide, 'objective' | 'mpp_um'>): number {
  const native = nativeObjective(slide);
  return native === null ? magnifyBeyondNative : Math.max(magnifyBeyondNative, Math.max(...objectives) / native);
}

const barSteps = [1, 2, 5];

export interface ScaleBar {
  um: number;
  px: number;
}

/** The longest round length (1, 2, 5 × 10ⁿ µm) that is at most `px_max` wide on the screen. */
export function scaleBar(umPerScreenPx: number, px_max: number): ScaleBar {
  const most = umPerScreenPx * px_max;
  const decade = 10 ** Math.floor(Math.log10(most));
  const um = Math.max(...barSteps.map((step) => step * decade).filter((length) => length <= most));
  return { um, px: um / umPerScreenPx };
}

interface Point {
  x: number;
  y: number;
}

/** Distance of two points in slide pixels, in micrometres; pixels need not be square. */
export function distance_um(a: Point, b: Point, mpp_um: { x: number; y: number }): number {
  return Math.hypot((a.x - b.x) * mpp_um.x, (a.y - b.y) * mpp_um.y);
}

/** `850 µm`, `1.25 mm`. */
export function formatLength(um: number): string {
  if (um >= 1000) return `${Number((um / 1000).toPrecision(3))} mm`;
  return `${um >= 100 ? Math.round(um) : Number(um.toPrecision(3))} µm`;
}

/** `850 µm²`, `1.25 mm²`. */
export function formatArea(um2: number): string {
  if (um2 >= 10_000) return `${Number((um2 / 1_000_000).toPrecision(3))} mm²`;
  return `${um2 >= 100 ? Math.round(um2) : Number(um2.toPrecision(3))} µm²`;
}
