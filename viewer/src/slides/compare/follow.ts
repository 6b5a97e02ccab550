/** Two slides that move as one. Pure geometry. */
import { normalDegrees, slideVector, toScreen, type FieldOfView } from '../stage/geometry';

/** Two fields of view that show the same: what was laid over each other by hand. */
export interface Alignment {
  leader: FieldOfView;
  follower: FieldOfView;
}

const origin = { width: 0, height: 0 };

/**
 * Where the follower must be when the leader is at `view`: turned and magnified by as much more or less as when they were
 * aligned, with the aligned centres the same way from the middle of both screens.
 */
export function follow({ leader, follower }: Alignment, view: FieldOfView): FieldOfView {
  const opposite = leader.mirrored !== follower.mirrored;
  const rotation_deg = opposite
    ? follower.rotation_deg + leader.rotation_deg - view.rotation_deg
    : follower.rotation_deg - leader.rotation_deg + view.rotation_deg;
  const turned = {
    ...follower,
    zoom: (follower.zoom * view.zoom) / leader.zoom,
    rotation_deg: normalDegrees(rotation_deg),
    mirrored: view.mirrored !== opposite,
  };
  const away = slideVector(turned, toScreen(view, origin, leader));
  return { ...turned, x: follower.x - away.x, y: follower.y - away.y };
}

/** How much larger the pixels of one slide are than those of another. Where either has no size, they count as equal. */
export function pixelRatio(one_um: { x: number } | null, other_um: { x: number } | null): number {
  return one_um === null || other_um === null ? 1 : one_um.x / other_um.x;
}

/** The same alignment with the other slide in the lead. */
export function swapped({ leader, follower }: Alignment): Alignment {
  return { leader: follower, follower: leader };
}
