/** How fast the slide moves for a pointer near the edge of the screen. Pure. */
import type { Point, Size } from '../stage/geometry';

/** Width of the border in which the slide moves. */
export const border_px = 56;
const speed_px_s = 900;

function push(at: number, length: number): number {
  if (at < border_px) return -(1 - at / border_px);
  if (at > length - border_px) return 1 - (length - at) / border_px;
  return 0;
}

/** Screen pixels per second by which the window moves over the slide; zero in the middle and outside. */
export function edgeSpeed(at: Point, stage: Size): Point {
  if (at.x < 0 || at.y < 0 || at.x > stage.width || at.y > stage.height) return { x: 0, y: 0 };
  return { x: push(at.x, stage.width) * speed_px_s, y: push(at.y, stage.height) * speed_px_s };
}
