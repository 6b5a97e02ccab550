import { expect, test } from 'vitest';
import { labelStep, levelPath, linePath, ticks } from './scale';

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

test('what was agreed on is a level across its month', () => {
  expect(levelPath([5, null, 7], (at) => at * 10, (value) => value, [0, 20])).toBe('M0.0 5.0H5.0M15.0 7.0H20.0');
  expect(levelPath([5], () => 10, (value) => value, [0, 20])).toBe('M0.0 5.0H20.0');
});
