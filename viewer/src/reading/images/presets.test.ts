import { expect, test } from 'vitest';
import { presetsFor, rangeOf, windowOf } from './presets';

test('the lung window runs from -1350 to 149', () => {
  expect(rangeOf({ center: -600, width: 1500 })).toEqual({ lower: -1350, upper: 149 });
});

test.each(presetsFor('CT'))('$name comes back as it went in', ({ center, width }) => {
  expect(windowOf(rangeOf({ center, width }))).toEqual({ center, width });
});

test('nine presets for CT, none for an image that comes without a window', () => {
  expect(presetsFor('CT')).toHaveLength(9);
  expect(presetsFor('MR')).toEqual([]);
  expect(presetsFor('MR', {})).toEqual([]);
});

test('where values differ from scanner to scanner, windows stand around the own ones', () => {
  const image = { '00281050': { Value: ['600', 300] }, '00281051': { Value: ['1000', 400] }, '00281055': { Value: ['WIDE', 'NARROW'] } };
  expect(presetsFor('MR', image)).toEqual([
    { name: 'original', center: 600, width: 1000, label: 'WIDE' },
    { name: 'original', center: 300, width: 400, label: 'NARROW' },
    { name: 'softer', center: 600, width: 1600 },
    { name: 'harder', center: 600, width: 600 },
    { name: 'brighter', center: 400, width: 1000 },
    { name: 'darker', center: 800, width: 1000 },
  ]);
  expect(presetsFor('US', image)).toHaveLength(2);
});
