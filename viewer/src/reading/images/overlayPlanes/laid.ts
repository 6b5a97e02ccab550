/** Which overlay planes lie over a frame of an image, and which of them whoever made the image or the presentation state wants to be seen. */
import type { Activated, OverlayPlane } from './plane';

export interface Laid {
  plane: OverlayPlane;
  /** Whose it is. */
  of: 'image' | 'state';
  /** Not where a presentation state is applied that does not activate it (PS3.3 §C.11.7). */
  isActive: boolean;
  /** Frame of the plane itself, counted from 0; `null` where it does not lie over this frame of the image. */
  frame: number | null;
}

/** `frame` of the image, counted from 1. A plane that says no frames lies over all of them, with its first. */
function frameOf({ frames, place }: OverlayPlane, frame: number): number | null {
  if (typeof place === 'object' && place.in === 'pixels') return frame - 1;
  if (frames === null) return 0;
  const own = frame - frames.first;
  return own >= 0 && own < frames.count ? own : null;
}

/** `state`: what the presentation state about the frame says; `isApplied`: the image is shown as it has it, not only its drawings. */
export function laidOn(image: readonly OverlayPlane[], state: Activated | null, isApplied: boolean, frame: number): Laid[] {
  const replaced = new Set(state?.own.map(({ group }) => group));
  const isActive = ({ group }: OverlayPlane) => !isApplied || (state?.groups.includes(group) === true && !replaced.has(group));
  return [
    ...image.map((plane): Laid => ({ plane, of: 'image', isActive: isActive(plane), frame: frameOf(plane, frame) })),
    ...(state?.own ?? []).map((plane): Laid => ({ plane, of: 'state', isActive: true, frame: frameOf(plane, frame) })),
  ];
}
