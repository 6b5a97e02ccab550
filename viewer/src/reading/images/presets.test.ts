import { expect, test } from 'vitest';
import { presetsFor, rangeOf, windowOf } from './presets';

test('the lung window runs from -1350 to 149', () => {
  expect(rangeOf({ center: -600, width: 1500 })).toEqual({ lower: -1350, upper: 149 });
});

test.each(presetsFor('CT'))('$name comes back as it went in', ({ center, width }) => {
  expect(windowOf(rangeOf({ center, width }))).toEqual({ center, width });
});

test('nine presets for CT, none where windows differ from scanner to scanner', () => {
  expect(presetsFor('CT')).toHaveLength(9);
  expect(presetsFor('MR')).toEqual([]);
});
