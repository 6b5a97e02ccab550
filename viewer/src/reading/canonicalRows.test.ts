import { expect, test } from 'vitest';
import { canonicalRows } from './canonicalRows';

test('the words come first, nested fields keep their path, lists their length', () => {
  const rows = canonicalRows({
    evidence: [{ sha256: 'a' }, { sha256: 'b' }],
    patient: { name: '张三', sex: 'M', issuer: null },
    report: { diagnosis: '肺结节', findings: '右肺上叶见结节' },
    version: 1,
    modalities: ['CT', 'SR'],
  });
  expect(rows.slice(0, 2)).toEqual([
    { path: ['report', 'findings'], value: '右肺上叶见结节' },
    { path: ['report', 'diagnosis'], value: '肺结节' },
  ]);
  expect(rows).toContainEqual({ path: ['evidence'], value: 2 });
  expect(rows).toContainEqual({ path: ['patient', 'name'], value: '张三' });
  expect(rows).toContainEqual({ path: ['version'], value: '1' });
  expect(rows).toContainEqual({ path: ['modalities'], value: 'CT, SR' });
  expect(rows.some(({ path }) => path.includes('issuer'))).toBe(false);
});
