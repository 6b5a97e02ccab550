import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ReportDraft } from '../api/types';
import { beginning, forgetUnsent, keepUnsent, unsentText, unsentWords, wordsOf } from './unsent';

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

const key = 'farsight.report.c1.p1';

/** As much of a browser's storage as is used. */
function storage(): Storage {
  const kept: Record<string, string> = {};
  const methods = {
    getItem: (name: string) => kept[name] ?? null,
    setItem: (name: string, value: string) => void (kept[name] = value),
    removeItem: (name: string) => void delete kept[name],
  };
  Object.entries(methods).forEach(([name, value]) => Object.defineProperty(kept, name, { value, enumerable: false }));
  return kept as unknown as Storage;
}

/** The module as another window of the same browser has it. */
async function otherWindow() {
  vi.resetModules();
  return import('./unsent');
}

beforeEach(() => vi.stubGlobal('localStorage', storage()));
afterEach(() => vi.unstubAllGlobals());

test('what one window has sent takes nothing from what another keeps', async () => {
  const other = await otherWindow();
  keepUnsent(key, { report: report('这里写的'), over: [] });
  other.keepUnsent(key, { report: report('那里写的'), over: [] });
  other.keepUnsent(key, null);
  expect(unsentWords(key)?.report.findings).toBe('这里写的');
});

test('a window that is opened goes on with what a closed one has left, and lets go of it once it is sent', async () => {
  const closed = await otherWindow();
  closed.keepUnsent(key, { report: report('没有发出'), over: ['x'] });
  expect(unsentText(key)).toContain('没有发出');
  expect(unsentWords(key)).toEqual({ report: report('没有发出'), over: ['x'] });
  keepUnsent(key, null);
  expect(unsentWords(key)).toBeNull();
  expect(unsentText(key)).toBeNull();
});

test('words that an earlier release kept are found, and can be forgotten', () => {
  localStorage.setItem(key, JSON.stringify({ report: report('旧版留下') }));
  expect(unsentText(key)).toContain('旧版留下');
  forgetUnsent(key);
  expect(unsentWords(key)).toBeNull();
});
