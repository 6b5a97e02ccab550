import { expect, test } from 'vitest';
import { readyToVerify, sortFiles } from './sortFiles';

const nothing = { report: null, signature: null };
const json = new File(['{}'], 'C1.report.json');
const p7s = new File(['x'], 'C1.report.p7s');
const pdf = new File(['%PDF'], '报告.PDF');

test('files find their place whatever their order', () => {
  expect(sortFiles(nothing, [p7s, json])).toEqual({ report: json, signature: p7s });
  expect(sortFiles({ report: json, signature: null }, [p7s])).toEqual({ report: json, signature: p7s });
  expect(sortFiles(nothing, [new File(['x'], 'holiday.jpg')])).toEqual(nothing);
});

test('a PDF is enough, JSON needs its signature', () => {
  expect(readyToVerify({ report: pdf, signature: null })).toBe(true);
  expect(readyToVerify({ report: json, signature: null })).toBe(false);
  expect(readyToVerify({ report: json, signature: p7s })).toBe(true);
  expect(readyToVerify(nothing)).toBe(false);
});
