/** Which row the keys mean while rows come and go: never one that nobody has looked at. */
import type { ConsultRow } from '../api/types';

/** Where the selected row was seen last: in which list, and how many rows stood above it. */
export interface Place {
  list: string;
  index: number;
}

/**
 * The rows with the one that was claimed here as it is since. While it is selected it stays at its place, though the list may
 * have lost it: what Enter opens does not change under the hand.
 */
export function withClaimed(rows: ConsultRow[], claimed: ConsultRow | undefined, selectedId: string | null, place: number): ConsultRow[] {
  if (claimed === undefined) return rows;
  const listed = rows.find(({ id }) => id === claimed.id);
  if (listed === undefined) return claimed.id === selectedId ? [...rows.slice(0, place), claimed, ...rows.slice(place)] : rows;
  return listed.version < claimed.version ? rows.map((row) => (row === listed ? claimed : row)) : rows;
}

/**
 * Which row is selected; -1 for none. A list that is chosen anew is begun at its top. Where the selected row has left its list,
 * somebody else has it: then none is, until one goes on.
 */
export function selectedAt(rows: readonly ConsultRow[], selectedId: string | null, isSameList: boolean): number {
  const found = rows.findIndex(({ id }) => id === selectedId);
  return found >= 0 || (selectedId !== null && isSameList) ? found : 0;
}

/** So many rows on from there; from where the selected row was, where it is gone. */
export function movedTo(at: number, by: number, place: number, count: number): number {
  const to = at >= 0 ? at + by : by > 0 ? place + by - 1 : place + by;
  return Math.max(0, Math.min(count - 1, to));
}
