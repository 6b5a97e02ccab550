/** What of the overlay planes is seen on the image on the screen. */
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { number, tags } from '../dicomJson';
import { sheetOf, type Sheet } from '../SheetLayer';
import type { Stack } from '../stack';
import type { ViewState } from '../StackView';
import { useAgain } from '../useAgain';
import { paintPlanes, type Bits } from './bits';
import { laidOn, type Laid } from './laid';
import type { OverlayBits, Wanted } from './OverlayBits';
import { isUnfit, planesOf, type Activated, type Unfit } from './plane';
import type { OverlayPlanes } from './useOverlayPlanes';

export interface OverlaysOn {
  sheets: readonly Sheet[];
  /** Bits on the image. */
  pixels: number;
  state: 'none' | 'loading' | 'failed' | 'shown';
  /** One that should be seen is described in a way that it cannot be. */
  hasUnfit: boolean;
}

const nothing: OverlaysOn = { sheets: [], pixels: 0, state: 'none', hasUnfit: false };

/** Planes over an image of a stack. */
export function laidOver(stack: Stack, imageId: string, state: Activated | null, isApplied: boolean): Laid[] {
  const image = stack.instanceByImageId.get(imageId);
  return image === undefined ? [] : laidOn(planesOf(image), state, isApplied, Number(imageId.split('/').at(-1)));
}

/** What is needed to draw a plane on an image; `null` where there is nothing to draw. */
export function wantedOf({ plane, frame }: Laid, imageId: string): Wanted | null {
  return frame === null || isUnfit(plane.place) ? null : { plane, frame, image: imageId.slice(imageId.indexOf(':') + 1) };
}

/** What has become of a plane: why it cannot be drawn, or its bits. */
export function outcomeOf(bits: OverlayBits, laid: Laid, imageId: string): Unfit | 'elsewhere' | 'short' | 'failed' | 'loading' | Uint8Array {
  const { place } = laid.plane;
  if (isUnfit(place)) return place;
  const wanted = wantedOf(laid, imageId);
  return wanted === null ? 'elsewhere' : (bits.get(wanted) ?? 'loading');
}

/** Pixels of the image that share one of the screen. */
function stepOf({ affine: [a, b, c, d] }: ViewState): number {
  const scale = Math.min(Math.hypot(a, b), Math.hypot(c, d)) * window.devicePixelRatio;
  return scale > 0 ? Math.max(1, Math.ceil(1 / scale - 1e-6)) : 1;
}

export function useOverlaysOn(all: OverlayPlanes, cell: string, stack: Stack | null, view: ViewState | null, state: Activated | null, isApplied: boolean): OverlaysOn {
  const { bits } = all;
  const version = useSyncExternalStore(bits.subscribe, () => bits.version);
  const imageId = view?.imageId;
  const laid = useMemo(() => (stack === null || imageId === undefined ? [] : laidOver(stack, imageId, state, isApplied)), [stack, imageId, state, isApplied]);
  const seen = useMemo(() => (all.isShown(cell) ? laid.filter((one) => all.isOn(cell, one)) : []), [all, cell, laid]);
  const outcomes = useMemo(
    () => ({ version, of: imageId === undefined ? [] : seen.map((one) => ({ plane: one.plane, outcome: outcomeOf(bits, one, imageId) })) }),
    [bits, seen, imageId, version],
  );
  const isFailed = outcomes.of.some(({ outcome }) => outcome === 'failed');
  const [times] = useAgain(isFailed, isFailed);
  useEffect(() => {
    if (imageId !== undefined) bits.want(seen.flatMap((one) => wantedOf(one, imageId) ?? []));
  }, [bits, seen, imageId, times]);

  const image = imageId === undefined ? undefined : stack?.instanceByImageId.get(imageId);
  const [columns, rows] = [number(image ?? {}, tags.columns) ?? 0, number(image ?? {}, tags.rows) ?? 0];
  const step = view === null ? 1 : stepOf(view);
  return useMemo(() => {
    if (outcomes.of.length === 0) return nothing;
    const drawn = outcomes.of.flatMap(({ plane, outcome }): Bits[] => (typeof outcome === 'string' ? [] : [{ plane, bytes: outcome }]));
    const { painted, pixels } = paintPlanes(columns, rows, drawn, step);
    const sheets = painted === null ? [] : [sheetOf(new ImageData(painted.rgba, painted.width, painted.height), [step, 0, 0, step, painted.left, painted.top])];
    const is = (what: string) => outcomes.of.some(({ outcome }) => outcome === what);
    return {
      sheets,
      pixels,
      state: is('failed') ? 'failed' : is('loading') ? 'loading' : 'shown',
      hasUnfit: (['size', 'data', 'pixels', 'turned', 'short'] as const).some(is),
    };
  }, [outcomes, columns, rows, step]);
}
