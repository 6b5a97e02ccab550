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
    if (path.length > 0 && isTold(path)) rows.push(...told(path, value));
    else if (Array.isArray(value)) rows.push({ path, value: listText(value) });
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

/** Lists whose items are what is said, and not only counted. */
const toldLists = ['structured.fields', 'structured.sections', 'compared', 'opinions', 'slides', 'fidelity'];

function isTold(path: string[]): boolean {
  return toldLists.includes(path.join('.'));
}

/** A filled field under its label, a section of the template under its title, an earlier report by its number, an opinion under whose it is. */
function told(path: string[], value: JsonValue): CanonicalRow[] {
  if (!Array.isArray(value)) return [];
  const text = (item: JsonValue, key: string) =>
    item !== null && typeof item === 'object' && !Array.isArray(item) && typeof item[key] === 'string' ? item[key] : '';
  if (path[0] === 'compared') return [{ path, value: value.map((item) => text(item, 'number')).join(', ') }];
  if (path[0] === 'opinions') {
    return value.map((item) => ({ path: [...path, [text(item, 'expert'), text(item, 'title')].filter((part) => part !== '').join(' ')], value: text(item, 'text') }));
  }
  if (path[0] === 'slides') return [{ path, value: value.map((item) => `${text(item, 'name')} ${text(item, 'grade')}`).join(', ') }];
  if (path[0] === 'fidelity') {
    // By what is said of them: how many images of which series.
    return value.map((item) => ({ path: [...path, text(item, 'fidelity')], value: `${text(item, 'modality')} ${text(item, 'number')} (${images(item)})`.trim() }));
  }
  const name = path[1] === 'fields' ? 'label' : 'title';
  return value.filter((item) => text(item, 'text') !== '').map((item) => ({ path: ['structured', text(item, name)], value: text(item, 'text') }));
}

function images(item: JsonValue): number {
  return item !== null && typeof item === 'object' && !Array.isArray(item) && typeof item['images'] === 'number' ? item['images'] : 0;
}

function listText(list: JsonValue[]): string | number {
  const plain = list.every((item) => item === null || typeof item !== 'object');
  return plain && list.length > 0 && list.length <= 4 ? list.join(', ') : list.length;
}

function rank({ path }: CanonicalRow): number {
  // What was filled in stands before the findings in words.
  if (path[0] === 'structured') return first.indexOf('findings') - 0.5;
  // Whoever signs reads what is quoted beside their own conclusion.
  if (path[0] === 'opinions') return first.indexOf('recommendation') + 0.5;
  const place = first.indexOf(path.join('.'));
  return place === -1 ? first.length : place;
}
