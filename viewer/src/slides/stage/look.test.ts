import { expect, test } from 'vitest';
import type { SlideChannel } from '../../api/types';
import { lookFromSearch, lookToSearch, plainLook, possibleLook, tileQuery } from './look';

const plane = (z: string) => ({ z, z_um: Number(z), is_default: z === '0' });
const channel = (path: string): SlideChannel => ({
  path,
  description: '',
  wavelength_nm: null,
  illumination: null,
  color: 'FF0000',
  window: null,
  bits: 8,
  is_default: false,
});

test('stored tiles need no query, a choice is in it', () => {
  expect(tileQuery(plainLook, {})).toBe('');
  expect(tileQuery({ srgb: true, plane: '-1.5', path: null, channels: null }, {})).toBe('?icc=srgb&z=-1.5');
  expect(tileQuery(plainLook, {}, '0123456789abcdef'), 'a slide that may grow').toBe('?rev=0123456789abcdef');
});

test('channels lie over each other as they usually do, until one path or another composition is asked for', () => {
  const slide = { composition: '1:FF0000:0-255,2:00FF00:0-255' };
  expect(tileQuery(plainLook, slide)).toBe('?channels=1%3AFF0000%3A0-255%2C2%3A00FF00%3A0-255');
  expect(tileQuery({ ...plainLook, path: '2' }, slide)).toBe('?path=2');
  expect(tileQuery({ ...plainLook, path: '3', channels: '1' }, slide), 'a path in colours of its own, instead').toBe('?path=3');
  expect(tileQuery({ ...plainLook, channels: '1' }, slide)).toBe('?channels=1');
});

test('an address brings the look back, as far as the slide has it', () => {
  const look = { srgb: true, plane: '3', path: '2', channels: '1:FF0000:0-9' };
  const search = new URLSearchParams();
  lookToSearch(look, search);
  expect(lookFromSearch(search)).toEqual(look);
  const rich = { focal_planes: [plane('0'), plane('3')], channels: [channel('1'), channel('2')] };
  expect(possibleLook(look, rich)).toEqual(look);
  expect(possibleLook(look, {})).toEqual({ ...plainLook, srgb: true });
});
