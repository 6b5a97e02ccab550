import { expect, test } from 'vitest';
import { around, frameOf, pixelOf, statsOf, toImage, toWorld, valuesOf, type ImagePlane } from './measured';

const plane: ImagePlane = { position: [-100, -50, 30], row: [1, 0, 0], column: [0, 1, 0], columnSpacing: 0.5, rowSpacing: 0.8 };

test('the middle of the first pixel is half a pixel from the corner', () => {
  expect(toImage(plane, [-100, -50, 30])).toEqual([0.5, 0.5]);
  expect(toImage(plane, [-95, -42, 30])).toEqual([10.5, 10.5]);
  expect(toWorld(plane, [10.5, 10.5])).toEqual([-95, -42, 30]);
});

test('a probe between two pixels names the one that was read', () => {
  expect(pixelOf('probe', { index: [255, 240, 0] })).toEqual([[255.5, 240.5]]);
  expect(pixelOf('probe', {})).toBeNull();
  expect(pixelOf('length', { index: [255, 240, 0] })).toBeNull();
});

test('an address of a frame says whose it is', () => {
  expect(frameOf('wadors:/dicom-web/orgs/qinghe/studies/1.2/series/3.4/instances/5.6/frames/7')).toEqual({
    org: 'qinghe',
    study: '1.2',
    series: '3.4',
    instance: '5.6',
    frame: 7,
  });
  expect(frameOf('derived:1')).toBeNull();
});

test('corners go around the rectangle, and back', () => {
  expect(around('rectangle', [1, 2, 3, 4])).toEqual([1, 2, 4, 3]);
  expect(around('rectangle', around('rectangle', [1, 2, 3, 4]))).toEqual([1, 2, 3, 4]);
  expect(around('ellipse', [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
});

test('values keep their units both ways', () => {
  const stats = { area: 12, areaUnit: 'mm²', mean: 40, stdDev: 2, min: 30, max: 50, modalityUnit: 'HU' };
  const values = valuesOf('ellipse', stats, null);
  expect(values).toContainEqual({ quantity: 'mean', value: 40, unit: 'HU' });
  expect(statsOf({ values })).toEqual(stats);
  expect(valuesOf('length', { length: 3, unit: 'cm US Region' }, null)).toEqual([{ quantity: 'length', value: 3, unit: 'cm' }]);
});

test('the ratio stands with the wider width', () => {
  expect(valuesOf('ratio', { length: 280, unit: 'mm' }, 140)).toContainEqual({ quantity: 'cardiothoracic_ratio', value: 0.5, unit: '1' });
  expect(valuesOf('ratio', { length: 140, unit: 'mm' }, 280)).toHaveLength(1);
});
