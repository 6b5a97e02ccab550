import { expect, test, vi } from 'vitest';
import { Unreachable } from '../../api/problem';
import type { Instance } from './dicomJson';
import { curveOf, entryOf, greysBetween, greysOf, isLowWhite, shadeOf, tableLabels, tableOf, usefulRange, voiIn, withTables, type Table } from './tables';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));
const lut = (descriptor: number[], data: number[], label = ''): Instance => value({ '00283002': descriptor, '00283003': label, '00283006': data });
const table = (descriptor: number[], data: number[]): Table => {
  const read = tableOf(lut(descriptor, data));
  if (read === null) throw new Error('it cannot be read');
  return read;
};
const none = vi.fn(async () => new Uint8Array());

test('values beside a table take its first or last entry, also where the first value is negative', () => {
  const short = table([3, -1, 12], [0, 2048, 4095]);
  expect([-9, -1, 0, 1, 9].map((one) => entryOf(short, one))).toEqual([0, 0, 2048, 4095, 4095]);
});

test('no entries are 65536, and more than 32767 may have been read as a negative number', () => {
  expect(table([0, 0, 16], Array.from({ length: 65_536 }, (_, at) => at)).entries.length).toBe(65_536);
  expect(table([-25_536, 0, 16], Array.from({ length: 40_000 }, () => -1)).entries[39_999]).toBe(65_535);
});

test('a full scale is white whatever the bits', () => {
  for (const bits of [8, 10, 12, 16]) {
    const shade = shadeOf(table([2, 0, bits], [0, 2 ** bits - 1]), null);
    expect([0, 1].map(shade)).toEqual([0, 1]);
  }
  // More than the bits can hold is white, not black again.
  expect(shadeOf(table([2, 0, 8], [0, 300]), null)(1)).toBe(1);
});

test.each([
  ['fewer entries than it says', [4, 0, 12], [1, 2, 3]],
  ['no bits', [2, 0, 0], [1, 2]],
  ['too many bits', [2, 0, 17], [1, 2]],
  ['half a descriptor', [2, 0], [1, 2]],
  ['no entries', [2, 0, 12], []],
])('a table with %s is no table', (_, descriptor, data) => {
  expect(tableOf(lut(descriptor, data))).toBeNull();
});

test('data come from the metadata or from their address; what the server does not have is left out, a dead line is told', async () => {
  const descriptor = { '00283002': { Value: [2, 0, 16] } };
  const image: Instance = {
    '00283010': {
      Value: [
        { ...descriptor, '00283006': { InlineBinary: btoa('\x01\x00\x02\x00') } },
        { ...descriptor, '00283006': { BulkDataURI: '/bulk/1' } },
        { ...descriptor, '00283006': { BulkDataURI: '/bulk/2' } },
        { '00283002': { Value: [2, 0, 8] }, '00283006': { InlineBinary: btoa('\x07\x08') } },
      ],
    },
  };
  const fetchBytes = vi.fn(async (address: string) => {
    if (address === '/bulk/2') throw new Error('404');
    return Uint8Array.of(3, 0, 4, 0);
  });
  const { tables, isDamaged } = await greysOf(image, 1, fetchBytes);
  expect(tables.map((one) => one && [...one.entries])).toEqual([[1, 2], [3, 4], null, [7, 8]]);
  expect(isDamaged).toBe(true);
  await expect(greysOf(image, 1, () => Promise.reject(new Unreachable()))).rejects.toBeInstanceOf(Unreachable);
});

test('tables of a state are spelled out where its images have them', async () => {
  const item: Instance = { '00283002': { Value: [2, 0, 16] }, '00283006': { BulkDataURI: '/bulk' } };
  const state = await withTables({ '00283110': { Value: [{ '00283010': { Value: [item] } }] }, '20500010': { Value: [item] } }, async () => Uint8Array.of(0, 0, 255, 255));
  const [voi] = state['00283110']?.Value as Instance[];
  expect(voiIn(voi ?? {})).toMatchObject({ bits: 16 });
  expect(tableOf((state['20500010']?.Value as Instance[])[0] ?? {})?.entries[1]).toBe(65_535);
});

test('an image opens with its window if it has one, else with its first table', async () => {
  const tables = [lut([2, 0, 8], [0, 255], 'NORMAL'), lut([2, 0, 8], [255, 0])];
  const only = value({ '00283010': tables });
  expect(await greysOf(only, 1, none)).toMatchObject({ hasWindow: false, isSigmoid: false });
  expect(await greysOf({ ...only, ...value({ '00281050': 40, '00281051': 400, '00281056': 'SIGMOID' }) }, 1, none)).toMatchObject({ hasWindow: true, isSigmoid: true });
  expect(tableLabels(only, 1)).toEqual(['NORMAL', '2']);
  expect((await greysOf(only, 1, none)).tables.map((one) => one?.label)).toEqual(['NORMAL', '2']);
});

test('each frame has its own table, or that of all', async () => {
  const group = (label: string) => value({ '00289132': value({ '00283010': lut([2, 0, 8], [0, 255], label) }) });
  const image = value({ '52009229': group('ALL'), '52009230': [group('FIRST'), {}] });
  expect([1, 2].map((frame) => tableLabels(image, frame))).toEqual([['FIRST'], ['ALL']]);
  expect((await greysOf(image, 2, none)).tables[0]?.label).toBe('ALL');
});

test('a first value of signed pixels that was read as unsigned is negative', async () => {
  const tables = { '00283010': { Value: [lut([2, 65_535, 8], [0, 255])] } };
  expect((await greysOf({ ...tables, ...value({ '00280103': 1 }) }, 1, none)).tables[0]?.first).toBe(-1);
  expect((await greysOf({ ...tables, ...value({ '00280103': 0 }) }, 1, none)).tables[0]?.first).toBe(65_535);
});

test('a modality table of angiography is not for the display', async () => {
  const modality = value({ '00283000': lut([2, 0, 8], [0, 255]) });
  expect((await greysOf(modality, 1, none)).modality?.entries.length).toBe(2);
  expect((await greysOf({ ...modality, ...value({ '00080016': '1.2.840.10008.5.1.4.1.1.12.1' }) }, 1, none)).modality).toBeNull();
});

test('low is white as the shape says, else as the photometric interpretation', () => {
  expect(isLowWhite(value({ '00280004': 'MONOCHROME1' }))).toBe(true);
  expect(isLowWhite(value({ '00280004': 'MONOCHROME1', '20500020': 'IDENTITY' }))).toBe(false);
  expect(isLowWhite(value({ '00280004': 'MONOCHROME2', '20500020': 'INVERSE' }))).toBe(true);
  expect(isLowWhite(value({ '00280004': 'RGB' }))).toBe(false);
});

test('the useful range of a table leaves out what is flat at its ends', () => {
  expect(usefulRange(table([6, 10, 8], [0, 0, 0, 100, 255, 255]))).toEqual({ lower: 12, upper: 14 });
  expect(usefulRange(table([3, 10, 8], [9, 9, 9]))).toEqual({ lower: 12, upper: 13 });
});

test('a curve has the grey of each value in the middle of a step', () => {
  const steps = table([6, 10, 8], [0, 0, 0, 100, 255, 255]);
  expect(curveOf(steps, null)).toEqual({ lower: 11.5, upper: 14.5, shades: Float64Array.of(0, 100 / 255, 1) });
  const long = table([0, 0, 16], Array.from({ length: 65_536 }, (_, at) => at));
  expect(curveOf(long, null).shades.length).toBe(4096);
});

test('a sigmoid is half at its centre and reaches both ends', () => {
  const { lower, upper, shades } = curveOf({ sigmoid: { center: 40, width: 400 } }, null);
  expect((lower + upper) / 2).toBeCloseTo(39.5);
  expect([shades[0], shades.at(-1)].map((one) => Math.round((one ?? 0) * 255))).toEqual([0, 255]);
  expect(shadeOf({ sigmoid: { center: 40, width: 400 } }, null)(40)).toBe(0.5);
});

test("a presentation's table takes the whole output of the window", () => {
  const back = table([3, 0, 8], [255, 128, 0]);
  expect(greysBetween({ center: 1.5, width: 3 }, back, 0, 3)).toEqual([255, 128, 0, 0]);
  expect(greysBetween({ center: 1.5, width: 3 }, null, 0, 3)).toEqual([0, 128, 255, 255]);
});
