import { expect, test } from 'vitest';
import type { FrameKeyImage, KeyImage } from '../api/types';
import { moved, taken } from './keyImagesOf';

const image = (id: string, part: Partial<FrameKeyImage> = {}): FrameKeyImage => ({
  id,
  name: '',
  study: '1',
  series: '1.1',
  instance: '1.1.1',
  frame: 1,
  window_centre: '-600',
  window_width: '1500',
  inverted: false,
  rotation_deg: '0',
  mirrored: false,
  picture_width: 512,
  picture_height: 512,
  ...part,
});
const evidence = new Set(['1.1.1']);
const ids = (images: readonly KeyImage[] | null) => images?.map((one) => ('id' in one ? one.id : one.bookmark));

test('an image goes into the report once, in each window once', () => {
  const first = taken([], image('a'), evidence);
  expect(first.what).toEqual({ kind: 'taken', n: 1 });
  const has = [image('a', { name: '结节', picture_sha256: '00' })];
  expect(taken(has, image('b'), evidence)).toEqual({ images: null, what: { kind: 'already' } });
  expect(ids(taken(has, image('b', { window_width: '400' }), evidence).images)).toEqual(['a', 'b']);
  expect(taken(has, image('b', { marks: [{ kind: 'point', points: [[1, 1]], label: '' }] }), evidence).what.kind).toBe('taken');
});

test('nothing of another case, and no more than a page has room for', () => {
  expect(taken([], image('a', { instance: '9.9' }), evidence).what).toEqual({ kind: 'outside' });
  const eight = Array.from({ length: 8 }, (_, n) => image(String(n), { frame: n + 1 }));
  expect(taken(eight, image('b', { frame: 9 }), evidence)).toEqual({ images: null, what: { kind: 'full' } });
});

test('they stand in the order that their reader gives them', () => {
  const all = ['a', 'b', 'c'].map((id) => image(id));
  expect(ids(moved(all, 0, 1))).toEqual(['b', 'a', 'c']);
  expect(ids(moved(all, 2, -1))).toEqual(['a', 'c', 'b']);
});
