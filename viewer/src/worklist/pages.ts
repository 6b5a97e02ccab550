/**
 * The worklist's pages. Each begins where it was first asked to and ends where the page behind it begins, whatever comes and
 * goes in it: so that any of them is asked for again alone, and no row is lost or doubled between two.
 */
import type { ConsultList, ConsultRow, WorklistTab } from '../api/types';

/** A cursor is a row's place in the list's order: a number, and the identifier of the row (consult/src/list.rs). */
function compare(a: string, b: string): number {
  const [sortA = '', idA = ''] = a.split('.');
  const [sortB = '', idB = ''] = b.split('.');
  return Number(sortA) - Number(sortB) || (idA < idB ? -1 : Number(idA > idB));
}

export type Order = 'ascending' | 'descending';

/** The lists that have the newest on top; all others begin with what is due first (consult/src/list.rs). */
const newestFirst: readonly WorklistTab[] = ['all', 'answered'];

export function orderOf(tab: WorklistTab): Order {
  return newestFirst.includes(tab) ? 'descending' : 'ascending';
}

function reaches(cursor: string, end: string, order: Order): boolean {
  return order === 'ascending' ? compare(cursor, end) >= 0 : compare(cursor, end) <= 0;
}

/**
 * The page that begins at `start`. It is read on until it reaches `end`, if a page begins there: the more rows have come into
 * it, the longer it is. Where the list ends first, nothing is behind it any more.
 */
export async function readPage(
  start: string | undefined,
  end: () => string | undefined,
  order: Order,
  list: (cursor: string | undefined) => Promise<ConsultList>,
): Promise<ConsultList> {
  let last = await list(start);
  const consults = [...last.consults];
  // Asked after each answer: the page behind may have come meanwhile.
  for (let to = end(); to !== undefined && last.next !== null; to = end()) {
    if (reaches(last.next, to, order)) return { ...last, consults, next: to };
    last = await list(last.next);
    consults.push(...last.consults);
  }
  return { ...last, consults };
}

export interface Page {
  rows: readonly ConsultRow[];
  /** When it was answered. */
  at: number;
}

/**
 * The rows of all pages, and after how many of them each page ends. A row that moved from one page to another, or that a page
 * holds beyond its end, is where the newest answer has it.
 */
export function joined(pages: readonly Page[]): { rows: ConsultRow[]; ends: number[] } {
  const home = new Map<string, number>();
  pages.forEach(({ rows, at }, index) =>
    rows.forEach(({ id }) => {
      const other = pages[home.get(id) ?? -1];
      if (other === undefined || at > other.at) home.set(id, index);
    }),
  );
  const all: ConsultRow[] = [];
  const ends = pages.map(({ rows }, index) => {
    all.push(...rows.filter(({ id }) => home.get(id) === index));
    return all.length;
  });
  return { rows: all, ends };
}
