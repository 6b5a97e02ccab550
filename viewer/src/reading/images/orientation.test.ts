import { expect, test } from 'vitest';
import { letters, orientationLetters } from './orientation';

test('an axial CT seen from the feet has the left on the right', () => {
  expect(orientationLetters({ viewUp: [0, -1, 0], viewPlaneNormal: [0, 0, -1] })).toEqual({
    top: 'A',
    bottom: 'P',
    left: 'R',
    right: 'L',
  });
});

test('oblique directions carry two letters, the stronger first', () => {
  expect(letters([0.8, 0.6, 0])).toBe('LP');
  expect(letters([-0.1, 0, -0.99])).toBe('F');
});

test('a camera without directions has no letters', () => {
  expect(orientationLetters({})).toBeNull();
});
