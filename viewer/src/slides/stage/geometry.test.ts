import { expect, test } from 'vitest';
import { apply, corners, inverse, normalDegrees, slideVector, toScreen, toScreenMatrix, toSlide, type FieldOfView } from './geometry';

const stage = { width: 800, height: 600 };
const plain: FieldOfView = { x: 1000, y: 500, zoom: 0.5, rotation_deg: 0, mirrored: false };

function expectPoint(actual: { x: number; y: number }, x: number, y: number) {
  expect(actual.x).toBeCloseTo(x, 6);
  expect(actual.y).toBeCloseTo(y, 6);
}

test('the centre of the view is the middle of the stage, however it is turned', () => {
  for (const rotation_deg of [0, 30, 90, 217]) {
    for (const mirrored of [false, true]) expectPoint(toScreen({ ...plain, rotation_deg, mirrored }, stage, { x: 1000, y: 500 }), 400, 300);
  }
});

test('a quarter turn clockwise brings what was right below', () => {
  expectPoint(toScreen(plain, stage, { x: 1100, y: 500 }), 450, 300);
  expectPoint(toScreen({ ...plain, rotation_deg: 90 }, stage, { x: 1100, y: 500 }), 400, 350);
});

test('a mirror swaps left and right of the screen, after the turn', () => {
  expectPoint(toScreen({ ...plain, mirrored: true }, stage, { x: 1100, y: 500 }), 350, 300);
  expectPoint(toScreen({ ...plain, mirrored: true, rotation_deg: 90 }, stage, { x: 1000, y: 600 }), 450, 300);
});

test('to the screen and back is where one was', () => {
  const view = { x: 12345, y: 6789, zoom: 0.037, rotation_deg: 41.5, mirrored: true };
  const there = toScreen(view, stage, { x: 4321, y: 98765 });
  expectPoint(toSlide(view, stage, there), 4321, 98765);
  expectPoint(apply(inverse(toScreenMatrix(view, stage)), { x: 400, y: 300 }), 12345, 6789);
});

test('a way on the screen knows nothing of where it begins', () => {
  expectPoint(slideVector(plain, { x: 50, y: 0 }), 100, 0);
  expectPoint(slideVector({ ...plain, rotation_deg: 90 }, { x: 0, y: 50 }), 100, 0);
});

test('corners go round the screen', () => {
  const [first, , third] = corners(plain, stage);
  expectPoint(first!, 200, -100);
  expectPoint(third!, 1800, 1100);
});

test('directions are within one turn', () => {
  expect(normalDegrees(-5)).toBe(355);
  expect(normalDegrees(725)).toBe(5);
  expect(normalDegrees(0)).toBe(0);
});
