import { expect, test } from 'vitest';
import { border_px, edgeSpeed } from './edge';

const stage = { width: 800, height: 600 };

test('in the middle and outside nothing moves', () => {
  for (const at of [{ x: 400, y: 300 }, { x: border_px, y: 300 }, { x: -1, y: 300 }, { x: 400, y: 601 }]) {
    expect(edgeSpeed(at, stage)).toEqual({ x: 0, y: 0 });
  }
});

test('the nearer to the edge, the faster, and that way', () => {
  const near = edgeSpeed({ x: 790, y: 300 }, stage);
  expect(near.x).toBeGreaterThan(edgeSpeed({ x: 760, y: 300 }, stage).x);
  expect(near.y).toBe(0);
  expect(edgeSpeed({ x: 2, y: 598 }, stage).x).toBeLessThan(0);
  expect(edgeSpeed({ x: 2, y: 598 }, stage).y).toBeGreaterThan(0);
});
