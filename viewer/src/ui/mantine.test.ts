import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const source = resolve(import.meta.dirname, '..');
const core = resolve(source, '../node_modules/@mantine/core');
const list = readFileSync(join(import.meta.dirname, 'mantine.css'), 'utf8');
const imported = [...list.matchAll(/@import '@mantine\/core\/styles\/(\w[\w-]*)\.css'/g)].map(([, name]) => name ?? '');

/** Every Mantine component that a file of ours names. */
function used(): Set<string> {
  const names = new Set<string>();
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name))) {
    const text = readFileSync(join(source, file), 'utf8');
    for (const [, inside = ''] of text.matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)) {
      for (const [name] of inside.matchAll(/\b[A-Z]\w*/g)) names.add(name);
    }
  }
  return names;
}

/** The style sheets of a module of Mantine's and of all that it is made of. */
function stylesOf(module: string, seen: Set<string>, styles: Set<string>): void {
  if (seen.has(module) || !existsSync(module)) return;
  seen.add(module);
  const [, sheet] = /(\w+)\.module\.mjs$/.exec(module) ?? [];
  if (sheet !== undefined) styles.add(sheet);
  for (const [, path = ''] of readFileSync(module, 'utf8').matchAll(/from "(\.[^"]+)"/g)) stylesOf(resolve(dirname(module), path), seen, styles);
}

test('each Mantine component in use has its style sheet, in the order of the whole', () => {
  const index = readFileSync(join(core, 'esm/index.mjs'), 'utf8');
  const [seen, styles] = [new Set<string>(), new Set<string>()];
  for (const name of used()) {
    const [, path] = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from "(\\./[^"]+)"`).exec(index) ?? [];
    if (path !== undefined) stylesOf(resolve(core, 'esm', path), seen, styles);
  }
  expect(styles.size).toBeGreaterThan(30);
  expect([...styles].filter((sheet) => !imported.includes(sheet))).toEqual([]);

  const whole = readFileSync(join(core, 'styles.css'), 'utf8');
  const at = imported.map((name) => whole.indexOf(readFileSync(join(core, `styles/${name}.css`), 'utf8').trim().slice(0, 60)));
  expect(at).toEqual([...at].sort((a, b) => a - b));
});
