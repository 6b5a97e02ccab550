import { expect, test } from 'vitest';
import { filterOf, isAltered, sound, unaltered } from './picture';

test('an unaltered picture has no filter', () => {
  expect(filterOf(unaltered, 'g')).toBe('none');
  expect(isAltered(unaltered)).toBe(false);
});

test('each setting is its own part of the filter', () => {
  expect(filterOf({ brightness: 1.2, contrast: 0.9, gamma: 1.5 }, 'g')).toBe('brightness(1.2) contrast(0.9) url(#g)');
});

test('what cannot be a setting is as if it were not there', () => {
  expect(sound(null)).toEqual(unaltered);
  expect(sound({ brightness: 'x', contrast: 99, gamma: 1.5 })).toEqual({ brightness: 1, contrast: 1, gamma: 1.5 });
});
