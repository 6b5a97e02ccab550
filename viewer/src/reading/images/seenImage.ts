/** An image as somebody saw it, as an address that opens it again: `?series=…&instance=…&frame=…&window=centre,width&mark=x,y&label=…`. */
import type { Window } from './presets';
import type { Stack } from './stack';

export interface ImageMark {
  /** Pixels of the image, its first pixel's corner being 0, 0. */
  x: number;
  y: number;
  label: string;
}

export interface SeenImage {
  series: string;
  /** SOP Instance UID. */
  instance: string;
  /** Counted from 1. */
  frame: number;
  window: Window | null;
  mark: ImageMark | null;
}

export function seenAddress(org: string, study: string, { series, instance, frame, window, mark }: SeenImage): string {
  const search = new URLSearchParams({ series, instance, frame: String(frame) });
  if (window !== null) search.set('window', `${window.center},${window.width}`);
  if (mark !== null) search.set('mark', `${Math.round(mark.x)},${Math.round(mark.y)}`);
  if (mark !== null && mark.label !== '') search.set('label', mark.label);
  return `/studies/${encodeURIComponent(org)}/${encodeURIComponent(study)}?${search.toString()}`;
}

const uid = /^[\d.]{1,64}$/;

function pairOf(value: string | null): [number, number] | null {
  const parts = (value ?? '').split(',');
  const [a, b] = parts.map((part) => (part.trim() === '' ? NaN : Number(part)));
  return parts.length === 2 && a !== undefined && b !== undefined && Number.isFinite(a) && Number.isFinite(b) ? [a, b] : null;
}

/** What an address says; `null` when it names no image. */
export function seenFromSearch(text: string): SeenImage | null {
  const search = new URLSearchParams(text);
  const [series, instance, frame] = [search.get('series') ?? '', search.get('instance') ?? '', Number(search.get('frame') ?? 1)];
  if (!uid.test(series) || !uid.test(instance) || !Number.isInteger(frame) || frame < 1) return null;
  const [window, mark] = [pairOf(search.get('window')), pairOf(search.get('mark'))];
  return {
    series,
    instance,
    frame,
    window: window === null || window[1] <= 0 ? null : { center: window[0], width: window[1] },
    mark: mark === null ? null : { x: mark[0], y: mark[1], label: (search.get('label') ?? '').slice(0, 200) },
  };
}

/** Where a frame is in a stack; -1 where it is not. */
export function indexOf({ imageIds, sopByImageId }: Pick<Stack, 'imageIds' | 'sopByImageId'>, instance: string, frame: number): number {
  return imageIds.findIndex((id) => sopByImageId.get(id) === instance && id.endsWith(`/${frame}`));
}
