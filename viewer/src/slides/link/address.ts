/** A field of view and a look as part of an address: `?at=x,y&zoom=…&turn=…&mirror=1`, in pixels of level 0. */
import { normalDegrees, type FieldOfView } from '../stage/geometry';
import { lookFromSearch, lookToSearch, type SlideLook } from '../stage/look';

function rounded(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** The query of the address that shows this again, without the question mark. */
export function toSearch(view: FieldOfView, look: SlideLook): URLSearchParams {
  const search = new URLSearchParams();
  search.set('at', `${rounded(view.x, 1)},${rounded(view.y, 1)}`);
  search.set('zoom', String(Number(view.zoom.toPrecision(6))));
  const turn = rounded(view.rotation_deg, 2);
  if (turn !== '0' && turn !== '360') search.set('turn', turn);
  if (view.mirrored) search.set('mirror', '1');
  lookToSearch(look, search);
  return search;
}

function finite(text: string | null | undefined): number | null {
  if (text === null || text === undefined || text.trim() === '') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** What an address says; `null` when it names no place, or none that could be one. */
export function viewFromSearch(search: URLSearchParams): FieldOfView | null {
  const [x, y] = (search.get('at') ?? '').split(',').map(finite);
  const zoom = finite(search.get('zoom'));
  if (x === undefined || x === null || y === undefined || y === null || zoom === null || zoom <= 0) return null;
  return { x, y, zoom, rotation_deg: normalDegrees(finite(search.get('turn')) ?? 0), mirrored: search.get('mirror') === '1' };
}


/** The whole address of a field of view. */
export function linkTo(origin: string, slideId: string, view: FieldOfView, look: SlideLook): string {
  return `${origin}/slides/${encodeURIComponent(slideId)}?${toSearch(view, look).toString()}`;
}

/** How a slide opens by its address; `undefined` where that says nothing. */
export function openingFromSearch(text: string): { view: FieldOfView | null; look: SlideLook } | undefined {
  const search = new URLSearchParams(text);
  return ['at', 'icc', 'plane', 'path', 'channels'].some((name) => search.has(name))
    ? { view: viewFromSearch(search), look: lookFromSearch(search) }
    : undefined;
}
