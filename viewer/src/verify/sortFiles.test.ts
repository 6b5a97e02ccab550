import { expect, test } from 'vitest';
import { readyToVerify, sortFiles, type ReportFiles } from './sortFiles';

const nothing: ReportFiles = { report: null, signatures: [] };
const json = new File(['{}'], 'C1.report.json');
const p7s = new File(['x'], 'C1.report.p7s');
const review = new File(['x'], 'C1.review.p7s');
const pdf = new File(['%PDF'], '报告.PDF');

test('files find their place whatever their order', () => {
  expect(sortFiles(nothing, [p7s, json, review])).toEqual({ report: json, signatures: [p7s, review] });
  expect(sortFiles({ report: json, signatures: [p7s] }, [review])).toEqual({ report: json, signatures: [p7s, review] });
  expect(sortFiles({ report: null, signatures: [p7s] }, [json])).toEqual({ report: json, signatures: [p7s] });
  expect(sortFiles(nothing, [new File(['x'], 'holiday.jpg')])).toEqual(nothing);
});

test('the same signature again does not count twice, another report starts anew', () => {
  expect(sortFiles({ report: json, signatures: [p7s] }, [p7s]).signatures).toEqual([p7s]);
  expect(sortFiles({ report: json, signatures: [p7s] }, [pdf])).toEqual({ report: pdf, signatures: [] });
});

test('a PDF is enough, JSON needs a signature', () => {
  expect(readyToVerify({ report: pdf, signatures: [] })).toBe(true);
  expect(readyToVerify({ report: json, signatures: [] })).toBe(false);
  expect(readyToVerify({ report: json, signatures: [p7s] })).toBe(true);
  expect(readyToVerify(nothing)).toBe(false);
});
