import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import en from '../i18n/en.later.json';
import { leftOutText, reasons, reasonText } from './leftOut';

/** The English words, as i18next finds them. */
const t = ((key: string, values: Record<string, string | number> = {}) => {
  const found = key.split('.').reduce<unknown>((words, part) => (words as Record<string, unknown>)[part], en);
  return Object.entries(values).reduce((text, [name, value]) => text.replace(`{{${name}}}`, String(value)), found as string);
}) as never;

test('what was left out is told in words', () => {
  expect(leftOutText(t, 'image 1: a further focal plane')).toBe('image 2: a further focal plane');
  expect(leftOutText(t, 'a second label')).toBe('label: a second one');
  expect(leftOutText(t, 'further overviews')).toBe('further overviews');
  expect(leftOutText(t, '700×500: of another shape than the largest level')).toBe('700×500: of another shape than the largest level');
  expect(leftOutText(t, 'overview: the slide file is damaged: a strip')).toBe('overview: the slide file is damaged: a strip');
  expect(reasonText(t, 'something new')).toBe('something new');
  expect(reasonText(t, 'toString')).toBe('toString');
});

test('each reason that has words is one that the server gives', () => {
  const folder = join(import.meta.dirname, '../../../wsi/src');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rs'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  expect(Object.keys(reasons).filter((reason) => !sources.includes(reason))).toEqual([]);
});
