import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { activatedBy, planesOf } from './plane';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));
const image = { '00080018': '1.2.3', '00280010': 64, '00280011': 32, '00280100': 16, '00280101': 12, '00280102': 11, '00280002': 1 };
const plane = { '60000010': 20, '60000011': 30, '60000040': 'G', '60000050': [1, 1], '60000100': 1, '60000102': 0 };
const inline = { '60003000': { InlineBinary: 'AAAA' } };
const read = (more: Record<string, unknown>, data: Instance = {}) => planesOf({ ...value({ ...image, ...more }), ...data });

test('a plane is read as it describes itself', () => {
  const more = { '60021500': 'ROI 1', '60020022': '结节', '60021301': '120', '60021302': '-600.5', '60021303': '12', '60020015': 3, '60020051': 2 };
  const region = { '60020010': 20, '60020011': 30, '60020040': 'R', '60020050': [-2, 5], '60020100': 1 };
  expect(read({ ...plane, ...region, ...more }, { ...inline, '60023000': { BulkDataURI: '/x' } })).toEqual([
    {
      key: '1.2.3/6000',
      group: '6000',
      rows: 20,
      columns: 30,
      origin: [1, 1],
      frames: null,
      kind: 'graphics',
      label: '',
      description: '',
      region: { area: null, mean: null, deviation: null },
      place: { in: 'metadata', base64: 'AAAA' },
    },
    {
      key: '1.2.3/6002',
      group: '6002',
      rows: 20,
      columns: 30,
      origin: [-2, 5],
      frames: { first: 2, count: 3 },
      kind: 'region',
      label: 'ROI 1',
      description: '结节',
      region: { area: 120, mean: -600.5, deviation: 12 },
      place: { in: 'bulk', address: '/x' },
    },
  ]);
});

test('there are sixteen groups, and what is in none of them is no plane', () => {
  const at = (group: string) => ({ [`${group}0010`]: 2, [`${group}0011`]: 2 });
  expect(read({ ...at('6000'), ...at('601E'), ...at('6001'), ...at('6020'), ...at('5000') }).map(({ group }) => group)).toEqual(['6000', '601E']);
  expect(read({ '60001001': 'LAYER' })).toEqual([]);
});

test('a size that cannot be, and data that are not there, are each said', () => {
  const place = (more: Record<string, unknown>, data: Instance = inline) => read({ ...plane, ...more }, data)[0]?.place;
  expect(place({ '60000010': 0 })).toBe('size');
  expect(place({ '60000011': -5 })).toBe('size');
  expect(place({ '60000010': 2.5 })).toBe('size');
  // More bits than 8 MiB hold.
  expect(place({ '60000010': 65_535, '60000011': 65_535 })).toBe('size');
  expect(place({}, {})).toBe('data');
  expect(place({}, { '60003000': {} })).toBe('data');
  expect(read({}, inline)[0]?.place).toBe('size');
});

test('bits in the pixels are those that hold no values of the image', () => {
  const place = (more: Record<string, unknown>) => read({ ...plane, '60000100': 16, ...more })[0]?.place;
  expect(read({ ...plane, '60000100': 16, '60000102': 12, '60000050': [3, 3] })[0]).toMatchObject({ rows: 64, columns: 32, origin: [1, 1], place: { in: 'pixels', bit: 12, bytesPerPixel: 2 } });
  expect(place({ '60000102': 15 })).toMatchObject({ bit: 15 });
  expect(place({ '60000102': 11 })).toBe('pixels');
  expect(place({ '60000102': 0 })).toBe('pixels');
  expect(place({ '60000102': 16 })).toBe('pixels');
  expect(place({ '60000102': 0, '00280102': 15 })).toMatchObject({ bit: 0 });
  expect(place({ '60000102': 12, '00280002': 3 })).toBe('pixels');
  expect(place({ '60000102': 12, '00280010': 0 })).toBe('size');
});

test('a photograph that was turned has planes that cannot be laid over it', () => {
  expect(read({ ...plane, '00080016': '1.2.840.10008.5.1.4.1.1.77.1.4', '00700042': 90 }, inline)[0]?.place).toBe('turned');
});

test('a state activates groups, with bits of its own for some of them', () => {
  const state = { ...value({ ...plane, '60001001': 'ONE', '60021001': 'ONE', '60040010': 4, '60040011': 4 }), ...inline };
  expect(activatedBy(state)).toMatchObject({ groups: ['6000', '6002'], own: [{ group: '6000' }] });
  expect(activatedBy(value({}))).toEqual({ groups: [], own: [] });
});
