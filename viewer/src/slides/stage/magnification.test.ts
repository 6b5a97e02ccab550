import { expect, test } from 'vitest';
import { distance_um, formatLength, imageZoomFor, nativeObjective, scaleBar } from './magnification';

test('the objective is the scanner\'s word, else follows from the pixel size', () => {
  expect(nativeObjective({ objective: 20, mpp_um: { x: 0.25, y: 0.25 } })).toBe(20);
  expect(nativeObjective({ objective: null, mpp_um: { x: 0.5, y: 0.5 } })).toBe(20);
  expect(nativeObjective({ objective: null, mpp_um: null })).toBeNull();
});

test('at the native objective one slide pixel is one screen pixel', () => {
  expect(imageZoomFor(20, 20)).toBe(1);
  expect(imageZoomFor(5, 20)).toBe(0.25);
});

test('the scale bar is round and fits', () => {
  expect(scaleBar(0.5, 160)).toEqual({ um: 50, px: 100 });
  expect(scaleBar(16, 160)).toEqual({ um: 2000, px: 125 });
});

test('lengths follow pixels that are not square', () => {
  expect(distance_um({ x: 0, y: 0 }, { x: 30, y: 80 }, { x: 1, y: 0.5 })).toBe(50);
});

test('lengths read in the unit that suits them', () => {
  expect(formatLength(12.34)).toBe('12.3 µm');
  expect(formatLength(850.4)).toBe('850 µm');
  expect(formatLength(1250)).toBe('1.25 mm');
});
