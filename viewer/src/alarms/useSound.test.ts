import { expect, test } from 'vitest';
import { isNews } from './useSound';

test('a new alarm is news, also when another is answered at the same moment', () => {
  const heard = new Map([['c1/1', 3]]);
  expect(isNews(heard, new Map([['c1/1', 3]]))).toBe(false);
  expect(isNews(heard, new Map([['c1/1', 4]]))).toBe(true);
  expect(isNews(heard, new Map([['c2/1', 1]]))).toBe(true);
  expect(isNews(heard, new Map())).toBe(false);
});
