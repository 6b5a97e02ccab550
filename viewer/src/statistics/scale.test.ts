import { expect, test } from 'vitest';
import { labelStep, linePath, ticks } from './scale';

test('ticks are round numbers up to the largest value', () => {
  expect(ticks(0)).toEqual([0, 1]);
  expect(ticks(4)).toEqual([0, 1, 2, 3, 4]);
  expect(ticks(47)).toEqual([0, 10, 20, 30, 40, 50]);
  expect(ticks(130)).toEqual([0, 50, 100, 150]);
});

test('a line breaks where nothing was measured', () => {
  expect(linePath([1, 2, null, 4], (at) => at, (value) => value)).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
  expect(linePath([null], (at) => at, (value) => value)).toBe('');
});

test('labels leave each other room', () => {
  expect(labelStep(12, 800, 60)).toBe(1);
  expect(labelStep(12, 300, 60)).toBe(3);
});
