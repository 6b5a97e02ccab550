import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bodyParts } from './bodyParts';

test('the body parts on offer are those that the server compares by', () => {
  const table = readFileSync(new URL('../../../consult/src/assignment/body_parts.rs', import.meta.url), 'utf8');
  const terms = [...table.matchAll(/^ {4}\("([A-Z0-9]+)", &\[/gm)].map(([, term]) => term);
  expect(terms.length).toBeGreaterThan(100);
  expect([...bodyParts].sort()).toEqual(terms.sort());
});
