/** A game controller moves the slide. Browsers tell of one when its first button is pressed. */
import { useEffect, useRef, useState } from 'react';
import type { SlideStage } from '../stage/SlideStage';
import { everyFrame } from './everyFrame';
import { readPad, type PadPress, type PadState } from './gamepad';

function connected(): Gamepad | null {
  // Absent without a secure context, or where a policy forbids it.
  const pads = typeof navigator.getGamepads === 'function' ? navigator.getGamepads() : [];
  return [...pads].find((pad) => pad !== null && pad.connected && pad.mapping === 'standard') ?? null;
}

/** @returns whether one is there. */
export function useGamepad(stage: SlideStage, isActive: boolean, onPress: (press: PadPress) => void): boolean {
  const [isThere, setThere] = useState(() => connected() !== null);
  const press = useRef(onPress);
  useEffect(() => {
    press.current = onPress;
  });
  useEffect(() => {
    const look = () => setThere(connected() !== null);
    window.addEventListener('gamepadconnected', look);
    window.addEventListener('gamepaddisconnected', look);
    return () => {
      window.removeEventListener('gamepadconnected', look);
      window.removeEventListener('gamepaddisconnected', look);
    };
  }, []);
  useEffect(() => {
    if (!isThere || !isActive) return;
    let before: PadState | null = null;
    return everyFrame((seconds) => {
      const pad = document.hasFocus() ? connected() : null;
      if (pad === null) {
        before = null;
        return;
      }
      const wish = readPad(pad, before, seconds);
      before = { axes: [...pad.axes], buttons: pad.buttons.map(({ pressed, value }) => ({ pressed, value })) };
      if (wish.pan.x !== 0 || wish.pan.y !== 0) stage.panBy(wish.pan, { immediately: true });
      if (wish.zoomFactor !== 1) stage.zoomBy(wish.zoomFactor);
      if (wish.turn_deg !== 0) stage.turnBy(wish.turn_deg, { immediately: true });
      for (const one of wish.presses) press.current(one);
    });
  }, [stage, isThere, isActive]);
  return isThere;
}
