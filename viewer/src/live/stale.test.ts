import { expect, test } from 'vitest';
import { keys } from '../api/queries';
import { staleAfter } from './stale';

test('a change makes exactly what shows it ask again', () => {
  expect(staleAfter({ seq: 1, what: 'consult', id: 'c1', state: 'reading' })).toEqual([
    keys.consults,
    keys.consult('c1'),
    keys.verdict('c1'),
    ['seconds'],
  ]);
  expect(staleAfter({ seq: 2, what: 'message', id: 'c1' })).toEqual([keys.unreadMessages, keys.messages('c1')]);
  expect(staleAfter({ seq: 3, what: 'study', org: 'town', id: '1.2' })).toContainEqual(keys.study('town', '1.2'));
  expect(staleAfter({ seq: 4, what: 'resync' })).toEqual([[]]);
  expect(staleAfter({ seq: 6, what: 'critical', id: 'c1' })).toContainEqual(keys.consult('c1'));
  expect(staleAfter({ seq: 5, what: 'something new' })).toEqual([]);
});
