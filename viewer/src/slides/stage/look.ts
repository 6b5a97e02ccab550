/** Which pixels of a slide are asked for, where there is a choice. Part of an address, like the field of view. */

export interface SlideLook {
  /** Converted to sRGB by the slide's ICC profile: derived, hence off unless asked for. */
  srgb: boolean;
  /** Focal plane, micrometres above the slide's nominal one; `null` is the plane that the slide opens with. */
  plane_um: number | null;
  /** Channels to be laid over each other, as the tile address wants them; `null` is as the slide opens. */
  channels: string | null;
}

export const plainLook: SlideLook = { srgb: false, plane_um: null, channels: null };

export function sameLook(a: SlideLook, b: SlideLook): boolean {
  return a.srgb === b.srgb && a.plane_um === b.plane_um && a.channels === b.channels;
}

/** The query of a tile's address; empty for tiles as they are stored. */
export function tileQuery(look: SlideLook): string {
  const search = new URLSearchParams();
  if (look.srgb) search.set('icc', 'srgb');
  if (look.plane_um !== null) search.set('z', String(look.plane_um));
  if (look.channels !== null) search.set('channels', look.channels);
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

export function lookToSearch(look: SlideLook, search: URLSearchParams): void {
  if (look.srgb) search.set('icc', 'srgb');
  if (look.plane_um !== null) search.set('plane', String(look.plane_um));
  if (look.channels !== null) search.set('channels', look.channels);
}

export function lookFromSearch(search: URLSearchParams): SlideLook {
  const plane = search.get('plane');
  const plane_um = plane === null || plane.trim() === '' || !Number.isFinite(Number(plane)) ? null : Number(plane);
  return { srgb: search.get('icc') === 'srgb', plane_um, channels: search.get('channels') };
}
