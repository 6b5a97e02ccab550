import { expect, test } from 'vitest';
import type { SlideChannel } from '../../api/types';
import { readComposition, valueMax, writeComposition } from './composition';

function channel(path: string, color: string | null = '0000FF'): SlideChannel {
  return { path, description: '', wavelength_nm: null, illumination: null, color, window: { low: 10, high: 200 }, bits: 12, is_default: false };
}

test('what is written reads as it was', () => {
  const channels = [channel('1'), channel('a:b,c%', '00FF00'), channel('3')];
  const text = 'a%3Ab%2Cc%25:FF0000:5-4000,1:0000FF:10-200';
  const drawn = readComposition(text, channels);
  expect(drawn.map(({ path, color, low, high, isShown }) => [path, color, low, high, isShown])).toEqual([
    ['1', '0000FF', 10, 200, true],
    ['a:b,c%', 'FF0000', 5, 4000, true],
    ['3', '0000FF', 10, 200, false],
  ]);
  expect(writeComposition(drawn)).toBe('1:0000FF:10-200,a%3Ab%2Cc%25:FF0000:5-4000');
});

test('colour and window may be left out, and nonsense is left out', () => {
  expect(readComposition('1', [channel('1')])[0]).toMatchObject({ color: '0000FF', low: 10, high: 200, isShown: true });
  expect(readComposition('1:zz:9', [channel('1')])[0]).toMatchObject({ color: '0000FF', low: 10, high: 200 });
});

test('a path with colours of its own is no channel, and nothing shown is no picture', () => {
  const drawn = readComposition('', [channel('1'), channel('2', null)]);
  expect(drawn).toHaveLength(1);
  expect(writeComposition(drawn)).toBeNull();
});

test('twelve bits go up to 4095', () => {
  expect(valueMax(channel('1'))).toBe(4095);
});
