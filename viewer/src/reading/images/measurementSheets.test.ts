import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Measurement, MeasurementSheet } from '../../api/measurements';
import { MeasurementSheets, type Saving } from './measurementSheets';

const ruler = (id: string): Measurement => ({ id, kind: 'length', series: '1', instance: '1', frame: 1, points: [], values: [], text: '' });

function sheet(version: number, measurements: Measurement[]): MeasurementSheet {
  return { version, person: 'p', name: '', organisation: { id: 'o', name: '' }, own: true, changed_at: '', measurements };
}

/** A server that refuses to list as often as told, and answers a save when told. */
function desk({ refusals = 0, keeps = 'own' as 'own' | 'nothing', held = [] as Measurement[] } = {}) {
  const screen = new Map<string, Measurement[]>();
  const sent: [version: number, ids: string[]][] = [];
  const answers: (() => void)[] = [];
  const states: Saving[] = [];
  let left = refusals;
  const sheets = new MeasurementSheets({
    calls: {
      list: () => (left-- > 0 ? Promise.reject(new Error('offline')) : Promise.resolve([sheet(3, held)])),
      save: (_org, _study, version, all) => {
        sent.push([version, all.map(({ id }) => id)]);
        return new Promise((done) => answers.push(() => done(sheet(version + 1, all))));
      },
    },
    onScreen: () => new Map(screen),
    keeps,
    onSaving: (state) => states.push(state),
    onRead: () => undefined,
  });
  const answer = async () => {
    answers.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { sheets, screen, sent, states, answer };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a sheet that could not be read is asked for again, and what was drawn meanwhile is saved', async () => {
  const { sheets, screen, sent, states, answer } = desk({ refusals: 1, held: [ruler('old')] });
  sheets.read('o/1');
  screen.set('o/1', [ruler('new')]);
  await vi.advanceTimersByTimeAsync(0);
  await sheets.save();
  expect([sent, states.at(-1)]).toEqual([[], 'failed']);
  expect(sheets.own().get('o/1')).toEqual([ruler('new')]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sent).toEqual([[3, ['old', 'new']]]);
  await answer();
  expect(states.at(-1)).toBe('saved');
});

test('what is drawn during a save is sent when the page is left, with the version that the save gives', async () => {
  const { sheets, screen, sent, answer } = desk();
  sheets.read('o/1');
  await vi.advanceTimersByTimeAsync(0);
  screen.set('o/1', [ruler('a')]);
  void sheets.save();
  screen.set('o/1', [ruler('a'), ruler('b')]);
  void sheets.close();
  screen.clear();
  await answer();
  expect(sent).toEqual([
    [3, ['a']],
    [4, ['a', 'b']],
  ]);
});

test('what was drawn on a sheet that was never read is put to what the server holds when the page is left', async () => {
  const { sheets, screen, sent } = desk({ refusals: 1, held: [ruler('old')] });
  sheets.read('o/1');
  await vi.advanceTimersByTimeAsync(0);
  screen.set('o/1', [ruler('new')]);
  void sheets.close();
  screen.clear();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toEqual([[3, ['old', 'new']]]);
});

test('a role that keeps none is told so', async () => {
  const { sheets, screen, sent, states } = desk({ keeps: 'nothing' });
  sheets.read('o/1');
  screen.set('o/1', [ruler('a')]);
  await vi.advanceTimersByTimeAsync(0);
  await sheets.close();
  expect([sent, states.at(-1)]).toEqual([[], 'notKept']);
});
