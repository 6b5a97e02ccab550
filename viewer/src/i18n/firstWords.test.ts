import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, test } from 'vitest';
import zh from './zh.json';
import later from './zh.later.json';

type Words = { [key: string]: Words | string };

const start = resolve(import.meta.dirname, '../main.tsx');

/** Of our modules, the text of `file` and of all that may be shown before the later words are there. */
function texts(file: string, found = new Map<string, string>()): Map<string, string> {
  if (found.has(file)) return found;
  const text = readFileSync(file, 'utf8').replaceAll(/^import type [^;]*;|withLaterWords\(import\('[^']+'\)/gm, '');
  found.set(file, text);
  for (const [, path = ''] of text.matchAll(/(?:from |import\()'(\.[^']+)'/g)) {
    const module = ['.ts', '.tsx'].map((ending) => resolve(dirname(file), path) + ending).find(existsSync);
    if (module !== undefined) texts(module, found);
  }
  return found;
}

const first = texts(start);

function isKey(key: string, words: Words): boolean {
  const end = key.split('.').reduce<Words | string | undefined>((at, part) => (typeof at === 'object' ? at[part] : undefined), words);
  return typeof end === 'string';
}

test('nothing that is loaded with the first page says what comes later', () => {
  const said = [...first].flatMap(([file, text]) =>
    [...text.matchAll(/['"`]((\w+)\.[\w.-]*)(['"`]|\$\{)/g)]
      .filter(([, key = '', section = '', end]) => section in later && (end === '${' || isKey(key, later)))
      .map(([, key]) => `${file}: ${key}`),
  );
  expect(first.size).toBeGreaterThan(50);
  expect(said).toEqual([]);
});

test('what comes with the first page is said by it', () => {
  const all = [...first.values()].join('\n');
  expect(Object.keys(zh).filter((section) => !new RegExp(`['"\`]${section}\\.`).test(all))).toEqual([]);
});
