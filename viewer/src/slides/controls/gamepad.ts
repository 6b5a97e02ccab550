/** A game controller in the standard mapping (W3C Gamepad), read as wishes about a slide. Pure. */

/** What is read of a controller: sticks and buttons. */
export interface PadState {
  axes: readonly number[];
  buttons: readonly { pressed: boolean; value: number }[];
}

export type PadPress = 'weaker' | 'stronger' | 'home' | 'nextSlide' | 'previousSlide';

export interface PadWish {
  /** Screen pixels by which the window moves over the slide. */
  pan: { x: number; y: number };
  zoomFactor: number;
  turn_deg: number;
  presses: PadPress[];
}

/** Sticks never come to rest exactly. */
const deadZone = 0.18;
const pan_px_s = 1_100;
const zoom_per_s = 2.2;
const turn_deg_s = 60;

const stick = { panX: 0, panY: 1, turn: 2, zoom: 3 } as const;
const trigger = { out: 6, in: 7 } as const;
/** Shoulders change the objective, Y shows the whole slide, left and right of the cross change the slide. */
const pressed: Record<number, PadPress> = { 4: 'weaker', 5: 'stronger', 3: 'home', 14: 'previousSlide', 15: 'nextSlide' };

function deflection(state: PadState, axis: number): number {
  const value = state.axes[axis] ?? 0;
  const beyond = Math.abs(value) - deadZone;
  return beyond <= 0 ? 0 : Math.sign(value) * Math.min(1, beyond / (1 - deadZone));
}

/** Small deflections are for small ways: the square of the stick. */
function eased(value: number): number {
  return value * Math.abs(value);
}

/** What happens in `seconds` of this state; a button counts once, when it is seen to go down: not one that was held before anybody looked. */
export function readPad(now: PadState, before: PadState | null, seconds: number): PadWish {
  const push = (now.buttons[trigger.in]?.value ?? 0) - (now.buttons[trigger.out]?.value ?? 0) - deflection(now, stick.zoom);
  const wentDown = Object.entries(pressed).filter(
    ([button]) => before !== null && now.buttons[Number(button)]?.pressed === true && before.buttons[Number(button)]?.pressed !== true,
  );
  return {
    pan: { x: eased(deflection(now, stick.panX)) * pan_px_s * seconds, y: eased(deflection(now, stick.panY)) * pan_px_s * seconds },
    zoomFactor: zoom_per_s ** (push * seconds),
    turn_deg: eased(deflection(now, stick.turn)) * turn_deg_s * seconds,
    presses: wentDown.map(([, press]) => press),
  };
}
