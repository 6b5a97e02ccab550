import { expect, test } from 'vitest';
import { plainLook } from '../stage/look';
import { toSearch, viewFromSearch } from './address';

const view = { x: 12345.67, y: 890.12, zoom: 0.123456789, rotation_deg: 35, mirrored: true };

test('an address brings back the same field of view', () => {
  const search = toSearch(view, plainLook);
  expect(search.toString()).toBe('at=12345.7%2C890.1&zoom=0.123457&turn=35&mirror=1');
  expect(viewFromSearch(search)).toEqual({ x: 12345.7, y: 890.1, zoom: 0.123457, rotation_deg: 35, mirrored: true });
});

test('what is as usual is not said', () => {
  const usual = { ...view, rotation_deg: 359.999, mirrored: false };
  expect([...toSearch(usual, plainLook).keys()]).toEqual(['at', 'zoom']);
});

test('nonsense is no place', () => {
  for (const text of ['', 'at=1,2', 'zoom=1', 'at=1&zoom=1', 'at=NaN,1&zoom=1', 'at=1,2&zoom=0', 'at=1,2&zoom=-1', 'at=,&zoom=1', 'at=1,2&zoom=Infinity']) {
    expect(viewFromSearch(new URLSearchParams(text)), text).toBeNull();
  }
});

test('a turn beyond a whole one is within it', () => {
  expect(viewFromSearch(new URLSearchParams('at=1,2&zoom=1&turn=-90'))?.rotation_deg).toBe(270);
});
