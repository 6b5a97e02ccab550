import { expect, test } from 'vitest';
import { match, spell, withShift } from './hotkeys';

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

test('Shift is a key of its own only where a binding says so', () => {
  const press = { key: 'Q', ctrlKey: false, metaKey: false, altKey: false, shiftKey: true };
  expect(withShift(press, ['q', 'Shift+q'])).toBe('Shift+q');
  expect(withShift(press, ['q'])).toBeNull();
  expect(withShift({ ...press, key: 'q', shiftKey: false }, ['Shift+q'])).toBeNull();
});
