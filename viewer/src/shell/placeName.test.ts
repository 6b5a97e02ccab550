import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import en from '../i18n/en.json';
import zh from '../i18n/zh.json';
import { placeKey } from './placeName';

test('every place of the application has a name of its own for the title', () => {
  const map = readFileSync(resolve(import.meta.dirname, '../App.tsx'), 'utf8');
  // Those within the frame, which have no beginning slash; the window with the report names itself.
  const paths = [...map.matchAll(/<Route path="(\w[^"]*)"/g)].map(([, path = '']) => `/${path}`).filter((path) => path !== '/report-window');
  expect(paths.length).toBeGreaterThan(15);
  for (const path of ['/', ...paths]) {
    for (const words of [zh.place, en.place] as Record<string, string>[]) expect(words[placeKey(path)], path).toBeTruthy();
  }
});

test('a case and its report are different pages, and neither says whose', () => {
  expect(placeKey('/')).toBe('worklist');
  expect(placeKey('/cases/17')).toBe('case');
  expect(placeKey('/cases/17/report')).toBe('report');
  expect(placeKey('/studies/city/1.2.3')).toBe('studies');
});
