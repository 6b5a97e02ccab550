import { expect, test } from 'vitest';
import type { ConsultRow } from '../api/types';
import { movedTo, selectedAt, withClaimed } from './selection';

function rows(...ids: string[]): ConsultRow[] {
  return ids.map((id) => ({ id, version: 1, state: 'accepted' }) as unknown as ConsultRow);
}

const claimed = { id: 'b', version: 2, state: 'reading' } as unknown as ConsultRow;
const ids = (all: readonly ConsultRow[]) => all.map(({ id, state }) => `${id} ${state}`);

test('a claimed row that the list has lost stays selected at its place, so that Enter opens no other patient', () => {
  const shown = withClaimed(rows('a', 'c'), claimed, 'b', 1);
  expect(ids(shown)).toEqual(['a accepted', 'b reading', 'c accepted']);
  expect(selectedAt(shown, 'b', true)).toBe(1);
});

test('once another row is selected, the claimed one is gone with its list', () => {
  expect(ids(withClaimed(rows('a', 'c'), claimed, 'c', 1))).toEqual(['a accepted', 'c accepted']);
});

test('a list that has not heard of the claim yet shows the row as it is since', () => {
  expect(ids(withClaimed(rows('a', 'b', 'c'), claimed, 'c', 2))).toEqual(['a accepted', 'b reading', 'c accepted']);
  const newer = { ...claimed, version: 3, state: 'preliminary' } as unknown as ConsultRow;
  expect(ids(withClaimed([newer], claimed, 'b', 0))).toEqual(['b preliminary']);
});

test('a row that somebody else has taken leaves nothing selected, and one goes on from its place', () => {
  const left = rows('a', 'c', 'd');
  expect(selectedAt(left, 'b', true)).toBe(-1);
  expect(left[movedTo(-1, 1, 1, 3)]?.id).toBe('c');
  expect(left[movedTo(-1, -1, 1, 3)]?.id).toBe('a');
});

test('another list is begun at its top, unless it has the selected row, too', () => {
  expect(selectedAt(rows('x', 'y'), 'b', false)).toBe(0);
  expect(selectedAt(rows('x', 'b'), 'b', false)).toBe(1);
  expect(selectedAt(rows('x', 'y'), null, true)).toBe(0);
});

test('moving stops at the ends', () => {
  expect(movedTo(0, -1, 0, 3)).toBe(0);
  expect(movedTo(2, 1, 2, 3)).toBe(2);
  expect(movedTo(-1, 1, 3, 3)).toBe(2);
});
