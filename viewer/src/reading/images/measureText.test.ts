import { expect, test } from 'vitest';
import { cardiothoracicRatio, figure, measureLines, plainUnit, type Words } from './measureText';

const words: Words = (key, values) => `${key} ${values?.value ?? ''}`;

test('a length is said with its unit, without what it rests on', () => {
  expect(measureLines('length', { length: 12.345, unit: 'mm' }, words)).toEqual(['12.35 mm']);
  expect(measureLines('length', { length: 3.5, unit: 'cm US Region' }, words)).toEqual(['3.5 cm']);
});

test('a region in CT says area, mean, deviation and range in HU', () => {
  const stats = { area: 102.04, areaUnit: 'mm²', mean: 41.26, stdDev: 5.04, min: 20, max: 60, modalityUnit: 'HU' };
  expect(measureLines('ellipse', stats, words)).toEqual(['area 102 mm²', 'mean 41.3 ± 5.0 HU', 'range 20 – 60 HU']);
});

test('the ratio stands with the wider of two widths, whichever came first', () => {
  expect(measureLines('ratio', { length: 140, unit: 'mm' }, words)).toEqual(['140 mm']);
  expect(measureLines('ratio', { length: 140, unit: 'mm' }, words, 280)).toEqual(['heart 140 mm']);
  expect(measureLines('ratio', { length: 280, unit: 'mm' }, words, 140)).toEqual(['thorax 280 mm', 'ratio 0.50']);
  expect(cardiothoracicRatio(0, 0)).toBeNull();
});

test('an unfinished angle says nothing', () => {
  expect(measureLines('angle', { angle: 'Incomplete Angle' }, words)).toEqual([]);
  expect(measureLines('cobb', { angle: 12.34 }, words)).toEqual(['12.3°']);
});

test.each([
  [0, '0'],
  [-998.4, '-998.4'],
  [12.5, '12.5'],
  [0.1234, '0.123'],
  [100, '100'],
])('%s is written %s', (value, text) => expect(figure(value)).toBe(text));

test('no unit is no unit', () => expect(plainUnit(null)).toBe(''));
