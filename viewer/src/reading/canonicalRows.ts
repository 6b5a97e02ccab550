/** A JSON report as rows to read: whose it is, what was said, then the rest; lists as their length. */
import type { JsonValue } from '../api/types';

export interface CanonicalRow {
  path: string[];
  /** A number stands for a list of that many items. */
  value: string | number;
}

/** Short, and side by side: is it the right patient, the right examination? */
const identity = [
  'patient.name',
  'patient.sex',
  'patient.age',
  'patient.id',
  'exam.description',
  'exam.date',
  'requesting.name',
];

/** What a signer must see without scrolling, in this order. */
const first = [
  ...identity,
  'findings',
  'diagnosis',
  'recommendation',
  'request.question',
  'number',
  'kind',
  'urgency',
];

export function canonicalRows(canonical: { [key: string]: JsonValue }): CanonicalRow[] {
  const rows: CanonicalRow[] = [];
  const open: { path: string[]; value: JsonValue }[] = [{ path: [], value: canonical }];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { path, value } = next;
    if (Array.isArray(value)) rows.push({ path, value: listText(value) });
    else if (value !== null && typeof value === 'object') {
      open.push(...Object.entries(value).map(([key, inner]) => ({ path: [...path, key], value: inner })));
    } else if (value !== null && value !== '') rows.push({ path, value: String(value) });
  }
  return rows.sort((a, b) => rank(a) - rank(b));
}

/** Whether a row says whose report it is. */
export function isIdentity({ path }: CanonicalRow): boolean {
  return identity.includes(path.join('.'));
}

function listText(list: JsonValue[]): string | number {
  const plain = list.every((item) => item === null || typeof item !== 'object');
  return plain && list.length > 0 && list.length <= 4 ? list.join(', ') : list.length;
}

function rank({ path }: CanonicalRow): number {
  const place = first.indexOf(path.join('.'));
  return place === -1 ? first.length : place;
}
