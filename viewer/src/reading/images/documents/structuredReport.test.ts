import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { reportLines } from './structuredReport';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));
const code = (meaning: string) => value({ '00080104': meaning });
const node = (kind: string, name: string, more: Record<string, unknown> = {}) => value({ '0040A040': kind, '0040A043': code(name), ...more });

test('a report is a heading with lines under it, in their order', () => {
  const number = value({ '0040A30A': '12.5', '004008EA': value({ '00080100': 'mm', '00080104': 'millimeter' }) });
  const report = node('CONTAINER', 'Report', {
    '0040A730': [node('TEXT', 'Finding', { '0040A160': '结节' }), node('NUM', 'Length', { '0040A300': number }), node('PNAME', 'Observer', { '0040A123': { Ideographic: '王^医师' } })],
  });
  expect(reportLines(report).lines).toEqual([
    { depth: 0, name: 'Report', value: '', isHeading: true },
    { depth: 1, name: 'Finding', value: '结节', isHeading: false },
    { depth: 1, name: 'Length', value: '12.5 mm', isHeading: false },
    { depth: 1, name: 'Observer', value: '王 医师', isHeading: false },
  ]);
});

test('a tree without end is cut', () => {
  let deep = node('TEXT', 'leaf', { '0040A160': 'x' });
  for (let level = 0; level < 100; level += 1) deep = node('CONTAINER', `level ${level}`, { '0040A730': deep });
  expect(reportLines(deep).lines).toHaveLength(25);
  const wide = node('CONTAINER', 'wide', { '0040A730': Array.from({ length: 5_000 }, () => node('TEXT', 'a', { '0040A160': 'b' })) });
  const { lines, isCut } = reportLines(wide);
  expect([lines.length, isCut]).toEqual([2_000, true]);
});
