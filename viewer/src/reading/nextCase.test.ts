import { expect, test } from 'vitest';
import type { ConsultAction, ConsultRow, Me, WorklistTab } from '../api/types';
import { findNext, passedBy, pilesOf, type ListPage } from './nextCase';

const reader = { roles: ['reader'] } as unknown as Me;

function row(id: string, ...allowed: ConsultAction[]): ConsultRow {
  return { id, allowed } as unknown as ConsultRow;
}

/** Lists of two rows a page. */
function lists(rows: Partial<Record<WorklistTab, ConsultRow[]>>): ListPage {
  return (tab, cursor) => {
    const from = Number(cursor ?? 0);
    const all = rows[tab] ?? [];
    return Promise.resolve({ consults: all.slice(from, from + 2), next: from + 2 < all.length ? String(from + 2) : null });
  };
}

/** The cases that come as somebody goes on and on from `first`. */
async function walk(first: string, list: ListPage, steps: number, me = reader): Promise<string[]> {
  const [came, passed] = [[first], [] as string[]];
  for (let step = 0; step < steps; step += 1) {
    const current = came.at(-1) ?? '';
    passed.splice(0, passed.length, ...passedBy(passed, current));
    came.push((await findNext(current, pilesOf(me), passed, list))?.id ?? 'nothing');
  }
  return came;
}

test('going on comes round to every case that waits, not to the first two by turns', async () => {
  const list = lists({ mine: [row('a', 'sign'), row('b', 'sign'), row('c', 'sign')] });
  expect(await walk('a', list, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
});

test("one's own assigned and returned cases come before those of strangers in the pool", async () => {
  const list = lists({ mine: [row('assigned', 'claim'), row('waits for data', 'resume')], pool: [row('of anyone', 'claim')] });
  expect(await findNext('signed', pilesOf(reader), [], list)).toMatchObject({ id: 'assigned' });
  expect(await walk('signed', list, 3)).toEqual(['signed', 'assigned', 'of anyone', 'assigned']);
});

test('a new case that is more urgent comes before the others of the round', async () => {
  const [b, c] = [row('b', 'sign'), row('c', 'sign')];
  expect(await findNext('b', pilesOf(reader), ['a', 'b'], lists({ mine: [row('emergency', 'claim'), row('a', 'sign'), b, c] }))).toMatchObject({ id: 'emergency' });
});

test('what waits for a second signature is for reviewers', async () => {
  const list = lists({ review: [row('twice', 'review')], pool: [row('of anyone', 'claim')] });
  expect(await findNext('x', pilesOf(reader), [], list)).toMatchObject({ id: 'of anyone' });
  expect(await findNext('x', pilesOf({ roles: ['reader', 'reviewer'] } as unknown as Me), [], list)).toMatchObject({ id: 'twice' });
});

test('a case behind a page of rows that ask for nothing is found', async () => {
  const rows = [row('1', 'resume'), row('2', 'resume'), row('3', 'resume'), row('behind', 'claim')];
  expect(await findNext('x', pilesOf(reader), [], lists({ mine: rows }))).toMatchObject({ id: 'behind' });
});

test('where nothing else waits there is none, and a list that is refused is not taken for an empty one', async () => {
  expect(await findNext('a', pilesOf(reader), ['a'], lists({ mine: [row('a', 'sign')] }))).toBeNull();
  await expect(findNext('a', pilesOf(reader), [], () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});
