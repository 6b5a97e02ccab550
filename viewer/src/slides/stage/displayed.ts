/**
 * Which instances a tile that is on the screen is from: what a report names as displayed. Where a level is one instance
 * that is known; where its planes, paths or parts are instances of their own, the server is asked once for each.
 */
import type { LevelInstances, SlideLevel } from '../../api/types';
import { pathsIn } from '../depth/composition';

/** Asks which instance each tile of a level is from; `layer` is the query that names a plane, a path and the revision. */
export type AskInstances = (level: number, layer: string) => Promise<LevelInstances>;

export interface ShownTile {
  x: number;
  y: number;
  /** It says which plane and which paths are drawn. */
  url: string;
}

/**
 * The query of each plane and path that a tile is put together from, of the revision that the tile is of; an empty one is the
 * usual plane and path.
 */
export function layersOf(url: string): string[] {
  const asked = new URL(url, 'http://slide').searchParams;
  const channels = asked.get('channels');
  const z = asked.get('z');
  const rev = asked.get('rev');
  const paths = channels === null ? [asked.get('path')] : pathsIn(channels);
  return paths.map((path) => {
    const layer = new URLSearchParams();
    if (z !== null) layer.set('z', z);
    if (path !== null) layer.set('path', path);
    if (rev !== null) layer.set('rev', rev);
    return layer.toString();
  });
}

/** @returns `null` where the level has no tile. */
export function instanceAt({ instances, runs }: LevelInstances, tile: number): string | null {
  const run = runs.findLast(({ first_tile: first }) => first <= tile);
  return run === undefined || run.instance === null ? null : (instances[run.instance] ?? null);
}

/** The instances of a tile. What cannot be asked is left out: nothing is called displayed that may not have been. */
export async function instancesOf(level: SlideLevel, tile: ShownTile, ask: AskInstances): Promise<string[]> {
  if (level.instance_count <= 1) return [level.sop_instance_uid];
  const place = tile.y * level.tiles_x + tile.x;
  const answers = await Promise.allSettled(layersOf(tile.url).map((layer) => ask(level.level, layer)));
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? (instanceAt(answer.value, place) ?? []) : []));
}
