/** Writing a template: new ones, lists whose items move, choices as lines of text. Knows nothing of React. */
import type { Choice, Template, TemplateField, TemplateSection } from './api';

export function newSection(key: string, zh: string): TemplateSection {
  return { key, title: { zh, en: '' }, required: false, normal: '', fields: [] };
}

export function newField(taken: readonly string[]): TemplateField {
  let n = taken.length + 1;
  while (taken.includes(`field_${n}`)) n += 1;
  return { key: `field_${n}`, label: { zh: '', en: '' }, kind: 'text', unit: '', decimals: 0, required: false };
}

/** A copy to be written on: everything but the identifier and the edition. */
export function copyOf(template: Template, id: string, title: string): Template {
  return { ...structuredClone(template), id, version: 0, title: { zh: title, en: '' } };
}

export function replaced<Item>(list: readonly Item[], at: number, item: Item): Item[] {
  return list.map((one, index) => (index === at ? item : one));
}

export function without<Item>(list: readonly Item[], at: number): Item[] {
  return list.filter((_, index) => index !== at);
}

/** The same list with one item a place nearer to the front (-1) or the end (1). */
export function moved<Item>(list: readonly Item[], at: number, by: -1 | 1): Item[] {
  const [item, other] = [list[at], list[at + by]];
  if (item === undefined || other === undefined) return [...list];
  return replaced(replaced(list, at, other), at + by, item);
}

/** Choices as people write them: `code  Chinese | English`, a line each. */
export function choiceLines(choices: readonly Choice[]): string {
  return choices.map(({ code, zh, en }) => (en === '' ? `${code} ${zh}` : `${code} ${zh} | ${en}`)).join('\n');
}

export function choicesOf(lines: string): Choice[] {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [code = '', ...rest] = line.split(/\s+/);
      const [zh = '', en = ''] = rest.join(' ').split('|');
      return { code, zh: zh.trim(), en: en.trim() };
    });
}

/** A field of another kind keeps only what that kind has. */
export function asKind(field: TemplateField, kind: TemplateField['kind']): TemplateField {
  const { key, label, required, choices, unit, min, max, decimals } = field;
  const plain: TemplateField = { key, label, kind, required, unit: '', decimals: 0 };
  if (kind === 'choice' || kind === 'multi_choice') return { ...plain, choices: choices ?? [] };
  return kind === 'number' ? { ...plain, unit, decimals, min: min ?? null, max: max ?? null } : plain;
}
