import { expect, test } from 'vitest';
import type { ReportDraft } from '../api/types';
import { beginning, wordsOf } from './unsent';

const report = (findings: string, displayed: string[] = []): ReportDraft => ({
  findings,
  diagnosis: '',
  recommendation: '',
  template: null,
  displayed,
  key_images: [],
});

test('words that a lost lease kept here are gone on with, and sent, when the case is ours again', () => {
  const unsent = { report: report('右肺结节，边缘', ['1.2']), over: [wordsOf(report('右肺'))] };
  expect(beginning(report('右肺', []), unsent)).toEqual({ report: report('右肺结节，边缘', []), toSend: true, other: null });
});

test('words typed over something else than what the server holds wait for a person', () => {
  const unsent = { report: report('我的'), over: [wordsOf(null)] };
  expect(beginning(report('同事的'), unsent)).toEqual({ report: report('同事的'), toSend: false, other: report('我的') });
  expect(beginning(report('同事的'), { ...unsent, over: [] }).other).toEqual(report('我的'));
});

test('nothing is asked when the server has the same words, tidied', () => {
  expect(beginning(report('一\n二'), { report: report(' 一\r\n二 '), over: [] })).toEqual({ report: report('一\n二'), toSend: false, other: null });
  expect(beginning(null, null)).toEqual({ report: null, toSend: false, other: null });
});
