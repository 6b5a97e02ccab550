import { expect, test } from 'vitest';
import type { ConsultList, ConsultRow } from '../api/types';
import { joined, orderOf, readPage } from './pages';

const row = (sort: number) => ({ id: `c${sort}`, sort }) as unknown as ConsultRow;
const ids = (rows: readonly ConsultRow[]) => rows.map(({ id }) => id);

/** A list as the server reads it: `limit` rows behind the cursor. */
function server(sorts: number[], limit: number, order: 'ascending' | 'descending' = 'ascending') {
  const sign = order === 'ascending' ? 1 : -1;
  const asked: (string | undefined)[] = [];
  const list = (cursor: string | undefined): Promise<ConsultList> => {
    asked.push(cursor);
    const after = cursor === undefined ? -Infinity : sign * Number(cursor.split('.')[0]);
    const behind = sorts.toSorted((a, b) => sign * (a - b)).filter((sort) => sign * sort > after);
    const page = behind.slice(0, limit);
    const next = behind.length > limit ? `${page.at(-1)}.c${page.at(-1)}` : null;
    return Promise.resolve({ consults: page.map(row), counts: {} as ConsultList['counts'], more: next !== null, next });
  };
  return { list, asked };
}

test('a page that nothing is known behind is what the server answers', async () => {
  const { list } = server([1, 2, 3, 4, 5], 2);
  const page = await readPage('1.c1', () => undefined, 'ascending', list);
  expect([ids(page.consults), page.next]).toEqual([['c2', 'c3'], '3.c3']);
});

test('a page that rows have come into is read on to where the next begins', async () => {
  const { list, asked } = server([1, 2, 2.5, 3, 4, 5], 2);
  const page = await readPage(undefined, () => '3.c3', 'ascending', list);
  expect([ids(page.consults), page.next]).toEqual([['c1', 'c2', 'c2.5', 'c3'], '3.c3']);
  expect(asked).toEqual([undefined, '2.c2']);
});

test('a page that rows have gone from still ends where the next begins, in lists that run down, too', async () => {
  const { list, asked } = server([9, 7, 6, 5, 4], 3, 'descending');
  const page = await readPage('9.c9', () => '6.c6', 'descending', list);
  expect([ids(page.consults), page.next]).toEqual([['c7', 'c6', 'c5'], '6.c6']);
  expect(asked).toHaveLength(1);
});

test('answered requests, which have the newest on top, are read on like all cases', async () => {
  const { list } = server([9, 8, 7, 6, 5], 2, 'descending');
  const page = await readPage(undefined, () => '6.c6', orderOf('answered'), list);
  expect([ids(page.consults), page.next]).toEqual([['c9', 'c8', 'c7', 'c6'], '6.c6']);
  expect([orderOf('all'), orderOf('mine'), orderOf('overdue')]).toEqual(['descending', 'ascending', 'ascending']);
});

test('the row that a page began behind may go', async () => {
  const { list } = server([1, 2, 4, 5], 2);
  const page = await readPage(undefined, () => '3.c3', 'ascending', list);
  expect([ids(page.consults), page.next]).toEqual([['c1', 'c2', 'c4', 'c5'], null]);
});

test('behind the end of the list there is no page', async () => {
  const { list } = server([1], 2);
  expect((await readPage(undefined, () => '3.c3', 'ascending', list)).next).toBeNull();
});

test('a row in two pages is where the newest answer has it', () => {
  const [old, fresh] = [
    { rows: [row(1), row(2)], at: 1 },
    { rows: [row(2), row(3)], at: 2 },
  ];
  expect(ids(joined([old, fresh]).rows)).toEqual(['c1', 'c2', 'c3']);
  expect(joined([old, fresh]).ends).toEqual([1, 3]);
  expect(joined([{ ...old, at: 3 }, fresh]).ends).toEqual([2, 3]);
  expect(joined([]).rows).toEqual([]);
});
