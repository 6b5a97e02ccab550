import { expect, test } from 'vitest';
import { canonicalRows } from './canonicalRows';

test('what was filled into a template is told by its labels, before the words', () => {
  const rows = canonicalRows({
    findings: '余肺清晰',
    structured: {
      template: 'lung-nodule',
      fields: [{ key: 'long_mm', label: '长径', text: '12.5 mm', values: ['12.5'] }],
      sections: [{ key: 'findings', title: '影像所见' }, { key: 'gross', title: '大体', text: '灰白' }],
    },
    compared: [{ number: 'YX1' }],
  });
  expect(rows).toContainEqual({ path: ['structured', '长径'], value: '12.5 mm' });
  expect(rows).toContainEqual({ path: ['structured', '大体'], value: '灰白' });
  expect(rows).toContainEqual({ path: ['compared'], value: 'YX1' });
  expect(rows.findIndex(({ path }) => path.includes('长径'))).toBeLessThan(rows.findIndex(({ path }) => path[0] === 'findings'));
});

test('the patient comes first, then the words; nested fields keep their path, lists their length', () => {
  const rows = canonicalRows({
    evidence: [{ sha256: 'a' }, { sha256: 'b' }],
    patient: { name: '张三', sex: 'M', issuer: null },
    diagnosis: '肺结节',
    findings: '右肺上叶见结节',
    version: 1,
    modalities: ['CT', 'SR'],
  });
  expect(rows.slice(0, 4)).toEqual([
    { path: ['patient', 'name'], value: '张三' },
    { path: ['patient', 'sex'], value: 'M' },
    { path: ['findings'], value: '右肺上叶见结节' },
    { path: ['diagnosis'], value: '肺结节' },
  ]);
  expect(rows).toContainEqual({ path: ['evidence'], value: 2 });
  expect(rows).toContainEqual({ path: ['version'], value: '1' });
  expect(rows).toContainEqual({ path: ['modalities'], value: 'CT, SR' });
  expect(rows.some(({ path }) => path.includes('issuer'))).toBe(false);
});

test('opinions that the report quotes are told with whose they are, after what the reader says', () => {
  const opinion = (text: string) => ({ expert: '王五', title: '主任医师', question: '可否手术', text, given_at: '2026-11-20T08:00:00+08:00' });
  const rows = canonicalRows({ number: 'YX1', recommendation: '手术', opinions: [opinion('可手术'), opinion('先化疗')] });
  expect(rows).toEqual([
    { path: ['recommendation'], value: '手术' },
    { path: ['opinions', '王五 主任医师'], value: '可手术' },
    { path: ['opinions', '王五 主任医师'], value: '先化疗' },
    { path: ['number'], value: 'YX1' },
  ]);
});
