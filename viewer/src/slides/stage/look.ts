/** Which pixels of a slide are asked for, where there is a choice. Part of an address, like the field of view. */
import type { Slide } from '../../api/types';

export interface SlideLook {
  /** Converted to sRGB by the slide's ICC profile: derived, hence off unless asked for. */
  srgb: boolean;
  /** A focal plane by its name; `null` is the middle one. */
  plane: string | null;
  /** An optical path by its name; `null` is the first. */
  path: string | null;
  /** Channels laid over each other, `path:RRGGBB:low-high,…`; `null` is as they usually are. */
  channels: string | null;
}

export const plainLook: SlideLook = { srgb: false, plane: null, path: null, channels: null };

/** What each part is called in a tile's address, and in a page's. */
const tileNames = { plane: 'z', path: 'path', channels: 'channels' } as const;
const pageNames = { plane: 'plane', path: 'path', channels: 'channels' } as const;
const parts = ['plane', 'path', 'channels'] as const;

/** The query of a tile's address; empty for tiles as they are stored of a slide that stays what it is. */
export function tileQuery(look: SlideLook, slide: Pick<Slide, 'composition'>, revision: string | null = null): string {
  const search = new URLSearchParams();
  if (look.srgb) search.set('icc', 'srgb');
  // One path is looked at alone; the composition that was made waits until it is wanted again.
  const asked = { ...look, channels: look.path === null ? (look.channels ?? slide.composition ?? null) : null };
  for (const part of parts) {
    const value = asked[part];
    if (value !== null) search.set(tileNames[part], value);
  }
  if (revision !== null) search.set('rev', revision);
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

export function lookToSearch(look: SlideLook, search: URLSearchParams): void {
  if (look.srgb) search.set('icc', 'srgb');
  for (const part of parts) {
    const value = look[part];
    if (value !== null) search.set(pageNames[part], value);
  }
}

export function lookFromSearch(search: URLSearchParams): SlideLook {
  const [plane = null, path = null, channels = null] = parts.map((part) => search.get(pageNames[part]));
  return { srgb: search.get('icc') === 'srgb', plane, path, channels };
}

/** A look as far as the slide has it: an address may be of another slide, or of another hand. */
export function possibleLook(look: SlideLook, slide: Pick<Slide, 'focal_planes' | 'channels'>): SlideLook {
  const paths = slide.channels ?? [];
  return {
    srgb: look.srgb,
    plane: slide.focal_planes?.some(({ z }) => z === look.plane) === true ? look.plane : null,
    path: paths.some(({ path }) => path === look.path) ? look.path : null,
    channels: paths.length > 1 ? look.channels : null,
  };
}
