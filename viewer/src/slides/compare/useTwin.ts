/** Two slides side by side: which leads, whether the other follows, and from where. */
import { useEffect, useRef, useState } from 'react';
import type { FieldOfView } from '../stage/geometry';
import type { SlideStage } from '../stage/SlideStage';
import { follow, pixelRatio, swapped, type Alignment } from './follow';

export type Side = 'left' | 'right';
export type Stages = Record<Side, SlideStage | null>;

/** Both whole slides lie over each other, at the same micrometres on the screen, until somebody aligns them by hand. */
function firstAlignment(left: SlideStage, right: SlideStage): Alignment | null {
  const from = left.target();
  const to = right.target();
  if (from === null || to === null) return null;
  const scale = pixelRatio(right.slide.mpp_um, left.slide.mpp_um);
  return {
    leader: { ...from, x: left.slide.width / 2, y: left.slide.height / 2, rotation_deg: 0, mirrored: false },
    follower: { ...to, x: right.slide.width / 2, y: right.slide.height / 2, zoom: from.zoom * scale, rotation_deg: 0, mirrored: false },
  };
}

function aligned(left: SlideStage, right: SlideStage): Alignment | null {
  const leader = left.target();
  const follower = right.target();
  return leader === null || follower === null ? null : { leader, follower };
}

export interface Twin {
  isLinked: boolean;
  /** Locks the two slides as they lie now, or lets go. */
  toggle: () => void;
}

/** Keeps the side that is not active where the alignment puts it. */
export function useTwin(stages: Stages, active: Side): Twin {
  const { left, right } = stages;
  const [isLinked, setLinked] = useState(true);
  /** From left to right; made when both are open, or when somebody locks. */
  const alignment = useRef<Alignment | null>(null);

  useEffect(() => {
    alignment.current = null;
    // Another slide has come: what was aligned is gone.
  }, [left, right]);

  useEffect(() => {
    if (!isLinked || left === null || right === null) return;
    const [leader, follower] = active === 'left' ? [left, right] : [right, left];
    const move = () => {
      const view: FieldOfView | null = leader.view();
      if (view === null || follower.view() === null) return;
      alignment.current ??= firstAlignment(left, right);
      if (alignment.current === null) return;
      follower.show(follow(active === 'left' ? alignment.current : swapped(alignment.current), view), { immediately: true });
    };
    move();
    const stopLeader = leader.subscribe(move);
    // The follower opens later than the leader, and then has to be told where to be; it never leads from here.
    let wasOpen = follower.view() !== null;
    const stopFollower = follower.subscribe(() => {
      if (wasOpen || follower.view() === null) return;
      wasOpen = true;
      move();
    });
    return () => {
      stopLeader();
      stopFollower();
    };
  }, [left, right, active, isLinked]);

  const toggle = () => {
    if (!isLinked && left !== null && right !== null) alignment.current = aligned(left, right);
    setLinked(!isLinked);
  };
  return { isLinked, toggle };
}
