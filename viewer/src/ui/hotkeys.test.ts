import { expect, test } from 'vitest';
import { match, spell } from './hotkeys';

const plain = { ctrlKey: false, metaKey: false, altKey: false };

test('presses are spelled as the bindings are', () => {
  expect(spell({ ...plain, key: ' ' })).toBe('Space');
  expect(spell({ ...plain, key: 'J' })).toBe('j');
  expect(spell({ ...plain, key: '?' })).toBe('?');
  expect(spell({ ...plain, key: 'Enter', ctrlKey: true })).toBe('Ctrl+Enter');
  expect(spell({ ...plain, key: 'Enter', metaKey: true })).toBe('Ctrl+Enter');
});

test('two keys in a row make a sequence', () => {
  const bindings = ['g w', 'j', '/'];
  expect(match(bindings, null, 'g')).toEqual({ kind: 'prefix', prefix: 'g' });
  expect(match(bindings, 'g', 'w')).toEqual({ kind: 'run', binding: 'g w' });
  expect(match(bindings, 'g', 'j')).toEqual({ kind: 'run', binding: 'j' });
  expect(match(bindings, null, 'w')).toEqual({ kind: 'none' });
});
