/** A slide as a small picture: its smallest level, tile by tile, so that places on it are exact. */
import { slides } from '../../api/endpoints';
import type { Slide } from '../../api/types';
import { plainLook, tileQuery } from '../stage/look';
import { coveredPart, smallestFirst } from '../stage/tileSource';

export interface MiniatureTile {
  url: string;
  /** Where its stored square lies, as parts of the slide's width and height. */
  left: number;
  top: number;
  width: number;
  height: number;
}

/** More tiles than this are not a thumbnail but a download. */
const tilesMax = 48;

/** The tiles of the smallest level; empty when even that is too large to be fetched for a small picture. */
export function miniatureTiles(slide: Slide): MiniatureTile[] {
  const level = smallestFirst(slide)[0];
  if (level === undefined || level.tiles_x * level.tiles_y > tilesMax) return [];
  const query = tileQuery(plainLook, slide);
  const places = Array.from({ length: level.tiles_x * level.tiles_y }, (_, index) => [index % level.tiles_x, Math.floor(index / level.tiles_x)] as const);
  return places.map(([x, y]) => {
    const part = coveredPart(level, x, y);
    return {
      url: slides.tile(slide.id, level.level, x, y) + query,
      left: part.x / level.width,
      top: part.y / level.height,
      width: level.tile_width / level.width,
      height: level.tile_height / level.height,
    };
  });
}
