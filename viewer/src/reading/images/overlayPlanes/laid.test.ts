import { expect, test } from 'vitest';
import { laidOn } from './laid';
import type { OverlayPlane } from './plane';

const plane = (group: string, more: Partial<OverlayPlane> = {}): OverlayPlane => ({
  key: group,
  group,
  rows: 3,
  columns: 3,
  origin: [1, 1],
  frames: null,
  kind: 'graphics',
  label: '',
  description: '',
  region: { area: null, mean: null, deviation: null },
  place: { in: 'metadata', base64: '' },
  ...more,
});
const seen = (...of: Parameters<typeof laidOn>) => laidOn(...of).filter(({ isActive }) => isActive).map((one) => `${one.of} ${one.plane.group}`);
const own = [plane('6000'), plane('6002')];

test('without a state all planes of the image are seen', () => {
  expect(seen(own, null, false, 1)).toEqual(['image 6000', 'image 6002']);
});

test('where a state is applied only what it activates is seen, its own bits in place of those of the image', () => {
  expect(seen(own, { groups: ['6002'], own: [] }, true, 1)).toEqual(['image 6002']);
  expect(seen(own, { groups: ['6002'], own: [plane('6002')] }, true, 1)).toEqual(['state 6002']);
  expect(seen(own, { groups: [], own: [] }, true, 1)).toEqual([]);
  // What is not seen can be switched on.
  expect(laidOn(own, { groups: [], own: [] }, true, 1)).toHaveLength(2);
});

test('a state of which only the drawings are shown takes nothing from the image', () => {
  expect(seen(own, { groups: ['6004'], own: [plane('6004')] }, false, 1)).toEqual(['image 6000', 'image 6002', 'state 6004']);
});

test('frames of a plane lie over the frames of the image that it says', () => {
  const frames = (one: OverlayPlane, ...of: number[]) => of.map((frame) => laidOn([one], null, false, frame)[0]?.frame);
  expect(frames(plane('6000', { frames: { first: 2, count: 2 } }), 1, 2, 3, 4)).toEqual([null, 0, 1, null]);
  expect(frames(plane('6000'), 1, 7)).toEqual([0, 0]);
  expect(frames(plane('6000', { place: { in: 'pixels', bit: 12, bytesPerPixel: 2 } }), 1, 7)).toEqual([0, 6]);
});
