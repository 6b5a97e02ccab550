import { expect, test, vi } from 'vitest';
import type { LevelInstances, SlideLevel } from '../../api/types';
import { instanceAt, instancesOf, layersOf } from './displayed';

const level: SlideLevel = {
  level: 1,
  sop_instance_uid: '1.1',
  instance_count: 2,
  width: 300,
  height: 200,
  downsample: 1,
  tiles_x: 3,
  tiles_y: 2,
  tile_width: 100,
  tile_height: 100,
};
const parts: LevelInstances = {
  instances: ['1.1', '1.2'],
  runs: [
    { first_tile: 0, instance: 0 },
    { first_tile: 2, instance: null },
    { first_tile: 4, instance: 1 },
  ],
};

test('a level that is one instance needs no asking', async () => {
  const ask = vi.fn();
  expect(await instancesOf({ ...level, instance_count: 1 }, { x: 2, y: 1, url: '/tiles/1/2/1?z=1.5' }, ask)).toEqual(['1.1']);
  expect(ask).not.toHaveBeenCalled();
});

test('a tile of a concatenation is from its own part, and one that is left out from none', () => {
  expect([0, 1, 2, 3, 4, 5].map((tile) => instanceAt(parts, tile))).toEqual(['1.1', '1.1', null, null, '1.2', '1.2']);
});

test('another focal plane is another instance', async () => {
  const ask = vi.fn(async (_: number, layer: string) => ({
    instances: ['1.1', '1.2'],
    runs: [{ first_tile: 0, instance: layer === 'z=1.5' ? 1 : 0 }],
  }));
  expect(await instancesOf(level, { x: 0, y: 0, url: '/tiles/1/0/0' }, ask)).toEqual(['1.1']);
  expect(await instancesOf(level, { x: 0, y: 0, url: '/tiles/1/0/0?icc=srgb&z=1.5' }, ask)).toEqual(['1.2']);
});

test('a tile of a revision is from the instances of that revision', () => {
  expect(layersOf('/tiles/0/0/0?rev=00112233445566ff')).toEqual(['rev=00112233445566ff']);
  expect(layersOf('/tiles/0/0/0?icc=srgb&z=1.5&rev=00112233445566ff')).toEqual(['z=1.5&rev=00112233445566ff']);
});

test('channels laid over each other are all displayed, but none that nobody could ask about', async () => {
  expect(layersOf('/tiles/0/0/0?z=0&channels=dapi%3A0000FF%3A0-9%2Cfitc%253A1%3A00FF00%3A0-9')).toEqual(['z=0&path=dapi', 'z=0&path=fitc%3A1']);
  const ask = async (_: number, layer: string) => {
    if (layer === 'path=b') throw new Error('the line is cut');
    return parts;
  };
  expect(await instancesOf(level, { x: 1, y: 1, url: '/t?channels=a,b' }, ask)).toEqual(['1.2']);
});
