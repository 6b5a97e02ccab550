import { expect, test } from 'vitest';
import { readPad, type PadState } from './gamepad';

const button = (value = 0) => ({ pressed: value > 0.5, value });
function pad(axes: number[], down: Record<number, number> = {}): PadState {
  return { axes, buttons: Array.from({ length: 17 }, (_, index) => button(down[index])) };
}

test('a stick at rest, or almost, moves nothing', () => {
  expect(readPad(pad([0.1, -0.12, 0.05, 0.1]), null, 1)).toEqual({ pan: { x: 0, y: 0 }, zoomFactor: 1, turn_deg: 0, presses: [] });
});

test('the left stick pans, the more the further', () => {
  const half = readPad(pad([0.6, 0, 0, 0]), null, 1).pan.x;
  const full = readPad(pad([1, 0, 0, 0]), null, 1).pan.x;
  expect(half).toBeGreaterThan(0);
  expect(full).toBeGreaterThan(2 * half);
});

test('triggers zoom in and out', () => {
  expect(readPad(pad([0, 0, 0, 0], { 7: 1 }), null, 1).zoomFactor).toBeGreaterThan(2);
  expect(readPad(pad([0, 0, 0, 0], { 6: 1 }), null, 1).zoomFactor).toBeLessThan(0.5);
  expect(readPad(pad([0, 0, 0, -1]), null, 1).zoomFactor).toBeGreaterThan(2);
});

test('a button counts when it goes down, not while it is held', () => {
  const down = pad([0, 0, 0, 0], { 5: 1 });
  expect(readPad(down, pad([0, 0, 0, 0]), 0.016).presses).toEqual(['stronger']);
  expect(readPad(down, down, 0.016).presses).toEqual([]);
});

test('the button that brought this slide does not bring the next one while it is held', () => {
  for (const [at, press] of [
    [14, 'previousSlide'],
    [15, 'nextSlide'],
  ] as const) {
    const held = pad([0, 0, 0, 0], { [at]: 1 });
    expect(readPad(held, null, 0.016).presses, 'the new pane sees it held').toEqual([]);
    expect(readPad(held, held, 0.016).presses).toEqual([]);
    expect(readPad(held, pad([0, 0, 0, 0]), 0.016).presses, 'let go and pressed again').toEqual([press]);
  }
});

test('a controller with fewer parts than the standard has is read as far as it goes', () => {
  expect(readPad({ axes: [], buttons: [] }, null, 1).zoomFactor).toBe(1);
});
