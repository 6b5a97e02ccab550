import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { fromLab } from '../colours';
import { frameBytes, segmentationOf } from './segmentation';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));
const plane = { '00209113': value({ '00200032': [0, 0, 5] }) };
const shared = value({ '00209116': value({ '00200037': [1, 0, 0, 0, 1, 0] }), '00289110': value({ '00280030': [0.5, 0.25], '00180050': 2 }) });
const source = value({ '00082112': value({ '00081155': '1.9', '00081160': '3', '0028135A': 'YES' }) });
const frames = [value({ ...plane, '00089124': source, '0062000A': value({ '0062000B': 7 }) }), value({ '0062000A': value({ '0062000B': 8 }) })];
const lab = (l: number, a: number, b: number) => [(l / 100) * 65_535, ((a + 128) / 255) * 65_535, ((b + 128) / 255) * 65_535].map(Math.round);
const segment = (number: number, more: Record<string, unknown> = {}) => value({ '00620004': number, '00620005': `S${number}`, ...more });

const instance = (more: Record<string, unknown> = {}): Instance =>
  value({
    '00080016': '1.2.840.10008.5.1.4.1.1.66.4',
    '00080018': '1.2',
    '00080060': 'SEG',
    '0008103E': 'Nodules',
    '00200052': '1.5',
    '00280008': 2,
    '00280010': 3,
    '00280011': 5,
    '00280100': 1,
    '00620001': 'BINARY',
    '00620002': [segment(7, { '0062000D': lab(54.29, 80.81, 69.89), '00620008': 'AUTOMATIC', '00620009': 'Net 1' }), segment(8)],
    '52009229': shared,
    '52009230': frames,
    ...more,
  });

test('frames say their segment, their place and their images; what all share is said once', () => {
  const made = segmentationOf(instance(), '/series/1');
  expect(made).toMatchObject({ address: '/series/1/instances/1.2', name: 'Nodules', coding: 'bits', bits: 1, rows: 3, columns: 5, frameOfReference: '1.5' });
  expect(made?.frames[0]).toMatchObject({
    number: 1,
    segment: 7,
    plane: { position: [0, 0, 5], normal: [0, 0, 1], rowSpacing: 0.5, columnSpacing: 0.25, thickness_mm: 2 },
    references: [{ sop: '1.9', frames: [3], keepsPlaces: true }],
  });
  expect(made?.frames[1]).toMatchObject({ number: 2, segment: 8, plane: null, references: [] });
  expect(made?.segments[0]).toMatchObject({ number: 7, name: 'S7', algorithm: 'AUTOMATIC', algorithmName: 'Net 1' });
  expect(made === null ? 0 : frameBytes(made)).toBe(2);
});

test('the recommended colour is sRGB for D50; without one each number has its own', () => {
  const [red, green, blue] = fromLab(lab(54.29, 80.81, 69.89)) ?? [0, 0, 0];
  expect(red).toBeGreaterThan(253);
  expect(Math.max(green, blue)).toBeLessThan(4);
  expect(fromLab(lab(100, 0, 0))).toEqual([255, 255, 255]);
  const segments = segmentationOf(instance({ '00620002': [segment(1), segment(2)] }), '')?.segments ?? [];
  expect(segments[0]?.colour).not.toEqual(segments[1]?.colour);
});

test('in a label map each pixel says its segment, and the background is none', () => {
  const made = segmentationOf(
    instance({ '00080016': '1.2.840.10008.5.1.4.1.1.66.7', '00620001': 'LABELMAP', '00280100': 16, '00280120': 0, '00620002': [segment(0), segment(1)] }),
    '',
  );
  expect(made).toMatchObject({ coding: 'labels', bits: 16, frames: [{ segment: null }, { segment: null }] });
  expect(made?.segments.map(({ number }) => number)).toEqual([1]);
});

test('what cannot be read is none', () => {
  expect(segmentationOf(instance({ '00080016': '1.2.840.10008.5.1.4.1.1.66.5' }), '')).toBeNull();
  expect(segmentationOf(instance({ '00280100': 8 }), '')).toBeNull();
  expect(segmentationOf(instance({ '00620001': 'OTHER' }), '')).toBeNull();
  expect(segmentationOf(instance({ '00280010': 1e6, '00280011': 1e6 }), '')).toBeNull();
});
