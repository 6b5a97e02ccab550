/** Playing what is in a viewport. */
import { useState } from 'react';
import type { Cine } from './CineBar';
import { bounded, frameRate } from './cine';
import type { Instance } from './dicomJson';
import type { StackView } from './StackView';

export function useCine(view: StackView | null, image: Instance | undefined, count: number) {
  const [playing, setPlaying] = useState<StackView | null>(null);
  const [factor, setFactor] = useState(1);
  const rate = frameRate(image ?? {});
  const fps = bounded(rate.fps * factor);
  const isPlaying = playing !== null && playing === view;
  const state: Cine = { playing: isPlaying, fps, isStated: rate.isStated };
  return {
    isPossible: view !== null && count > 1,
    state,
    toggle: () => {
      if (view === null || count < 2) return false;
      playing?.stop();
      if (!isPlaying) view.play(fps);
      setPlaying(isPlaying ? null : view);
      return true;
    },
    change: (by: number) => {
      const next = bounded(fps * by);
      setFactor(next / rate.fps);
      if (isPlaying) view.play(next);
    },
  };
}
