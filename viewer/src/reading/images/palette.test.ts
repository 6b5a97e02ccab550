import { expect, test, vi } from 'vitest';
import type { Instance } from './dicomJson';
import { entries, withPalette } from './palette';

test('entries are words, or bytes where there are too few for words', () => {
  expect(entries(Uint8Array.of(1, 0, 0, 255), 2)).toEqual([1, 65_280]);
  expect(entries(Uint8Array.of(7, 8), 2)).toEqual([7, 8]);
});

test('tables come from the metadata or from their address', async () => {
  const table = { vr: 'US', Value: [2, 0, 16] };
  const instance: Instance = {
    '00280004': { vr: 'CS', Value: ['PALETTE COLOR'] },
    '00281101': table,
    '00281102': table,
    '00281103': table,
    '00281201': { vr: 'OW', InlineBinary: btoa('\x01\x00\x02\x00') },
    '00281202': { vr: 'OW', BulkDataURI: '/bulk/00281202' },
  };
  const fetchBytes = vi.fn(async () => Uint8Array.of(3, 0, 4, 0));
  const spelled = await withPalette(instance, fetchBytes);
  expect(spelled['00281201']?.Value).toEqual([1, 2]);
  expect(spelled['00281202']?.Value).toEqual([3, 4]);
  expect(spelled['00281203']).toBeUndefined();
  expect(fetchBytes).toHaveBeenCalledExactlyOnceWith('/bulk/00281202');
});

test('images without a palette are left alone', async () => {
  const instance: Instance = { '00280004': { vr: 'CS', Value: ['MONOCHROME2'] } };
  expect(await withPalette(instance, vi.fn())).toBe(instance);
});
