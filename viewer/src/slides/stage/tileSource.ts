/**
 * A slide's pyramid as OpenSeadragon wants it. Ours may be irregular: each level has its own size, tile size and
 * downsample. OpenSeadragon counts levels from the smallest, the server from the largest. Tiles at the right and lower
 * edge are stored full size (PS3.3 C.7.6.17.3, TILED_FULL), so only their covered part may be drawn.
 */
import OpenSeadragon from 'openseadragon';
import { slides } from '../../api/endpoints';
import type { Slide, SlideLevel } from '../../api/types';
import { bitmapDownloads } from './bitmaps';
import { tileQuery, type SlideLook } from './look';

interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The part of a tile that shows the slide, in the level's pixels. */
export function coveredPart(level: SlideLevel, x: number, y: number): Rectangle {
  const left = x * level.tile_width;
  const top = y * level.tile_height;
  return {
    x: left,
    y: top,
    width: Math.min(level.tile_width, level.width - left),
    height: Math.min(level.tile_height, level.height - top),
  };
}

/** Where the covered part lies on the slide, whose width counts as 1. */
export function placeOnSlide(level: SlideLevel, aspect: number, part: Rectangle): Rectangle {
  return {
    x: part.x / level.width,
    y: (part.y / level.height) * aspect,
    width: part.width / level.width,
    height: (part.height / level.height) * aspect,
  };
}

/** Levels in OpenSeadragon's order. */
export function smallestFirst(slide: Slide): SlideLevel[] {
  return [...slide.levels].sort((a, b) => a.width - b.width);
}

export interface TileSourceOptions {
  /** Asked for with each tile: it may be known only when the slide is open. */
  revision: () => string | null;
  /** A tile that has been decoded already. */
  ready: (url: string) => ImageBitmap | undefined;
}

export function tileSource(slide: Slide, look: SlideLook, { revision, ready }: TileSourceOptions): OpenSeadragon.TileSource {
  const levels = smallestFirst(slide);
  const at = (index: number): SlideLevel => {
    const level = levels[index];
    if (level === undefined) throw new RangeError(`level ${index}`);
    return level;
  };
  const aspect = slide.height / slide.width;
  const source = new OpenSeadragon.TileSource({
    width: slide.width,
    height: slide.height,
    tileWidth: slide.tile_width,
    tileHeight: slide.tile_height,
    tileOverlap: 0,
    minLevel: 0,
    maxLevel: levels.length - 1,
  });
  return Object.assign(source, bitmapDownloads(ready), {
    getLevelScale: (index: number) => at(index).width / slide.width,
    getTileWidth: (index: number) => at(index).tile_width,
    getTileHeight: (index: number) => at(index).tile_height,
    getNumTiles: (index: number) => new OpenSeadragon.Point(at(index).tiles_x, at(index).tiles_y),
    getTileUrl: (index: number, x: number, y: number) => slides.tile(slide.id, at(index).level, x, y) + tileQuery(look, slide, revision()),
    getTileBounds: (index: number, x: number, y: number, isSource?: boolean) => {
      const part = coveredPart(at(index), x, y);
      if (isSource === true) return new OpenSeadragon.Rect(0, 0, part.width, part.height);
      const place = placeOnSlide(at(index), aspect, part);
      return new OpenSeadragon.Rect(place.x, place.y, place.width, place.height);
    },
  });
}
