import { expect, test } from 'vitest';
import { canonicalRows } from './canonicalRows';

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
