/** Stacks that follow each other: by where they are in the patient. */

export type Vector = readonly [number, number, number];

/** Where a slice is, and the normal of its plane. */
export interface Plane {
  position: Vector;
  normal: Vector;
  frameOfReference: string;
}

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** Millimetres along a direction. */
export function along(plane: Plane, direction: Vector): number {
  return dot(plane.position, direction);
}

/** Within about 15° of each other, whichever way round. */
export function isParallel(a: Vector, b: Vector): boolean {
  return Math.abs(dot(a, b)) > 0.966;
}

/** The slice nearest to `target` mm along a direction; `null` when none of them is cut that way. */
export function nearest(planes: readonly (Plane | null)[], target: number, direction: Vector): number | null {
  let best: number | null = null;
  let least = Infinity;
  planes.forEach((plane, index) => {
    if (plane === null || !isParallel(plane.normal, direction)) return;
    const far = Math.abs(along(plane, direction) - target);
    if (far < least) [best, least] = [index, far];
  });
  return best;
}

export interface Followed {
  planes: readonly (Plane | null)[];
  index: number;
}

/**
 * How far the follower is from the leader, in mm along the leader's normal, at the moment of linking. In one frame of
 * reference the patient's own position counts, so nothing; between two examinations it stays what the reader has set.
 */
export function offsetBetween(leader: Followed, follower: Followed): number | null {
  const lead = leader.planes[leader.index];
  const other = follower.planes[follower.index];
  if (lead == null || other == null || !isParallel(lead.normal, other.normal)) return null;
  if (lead.frameOfReference !== '' && lead.frameOfReference === other.frameOfReference) return 0;
  return along(other, lead.normal) - along(lead, lead.normal);
}

/** Whether two stacks cover a common part of the patient, so that positions can be compared before anybody has aligned them. */
export function overlap(first: readonly (Plane | null)[], second: readonly (Plane | null)[]): boolean {
  const normal = first.find((plane) => plane !== null)?.normal;
  if (normal === undefined) return false;
  const range = (planes: readonly (Plane | null)[]) => {
    const all = planes.flatMap((plane) => (plane !== null && isParallel(plane.normal, normal) ? [along(plane, normal)] : []));
    return all.length === 0 ? null : ([Math.min(...all), Math.max(...all)] as const);
  };
  const [a, b] = [range(first), range(second)];
  return a !== null && b !== null && a[0] <= b[1] && b[0] <= a[1];
}

/** The follower's slice for where the leader is now. */
export function follow(leader: Followed, planes: readonly (Plane | null)[], offset_mm: number): number | null {
  const lead = leader.planes[leader.index];
  return lead == null ? null : nearest(planes, along(lead, lead.normal) + offset_mm, lead.normal);
}
