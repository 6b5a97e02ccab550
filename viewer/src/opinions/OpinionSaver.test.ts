import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OpinionSaver, type Saving } from './OpinionSaver';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function saver(fails = false) {
  const sent: string[] = [];
  const states: Saving[] = [];
  const made = new OpinionSaver(
    (text) => {
      sent.push(text);
      return fails ? Promise.reject(new Error('offline')) : Promise.resolve();
    },
    (state) => states.push(state),
  );
  return { made, sent, states };
}

test('words go a while after the last one, once', async () => {
  const { made, sent, states } = saver();
  made.write('可');
  made.write('可手术');
  await vi.advanceTimersByTimeAsync(999);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toEqual(['可手术']);
  expect(states).toEqual(['unsaved', 'unsaved', 'saved']);
});

test('what could not be sent is sent again with the next word', async () => {
  const { made, sent, states } = saver(true);
  made.write('可手术');
  await made.flush();
  expect(states.at(-1)).toBe('failed');
  await made.flush();
  expect(sent).toEqual(['可手术', '可手术']);
});

test('after it was given nothing is saved', async () => {
  const { made, sent } = saver();
  made.write('可手术');
  made.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  await made.flush();
  expect(sent).toEqual([]);
});
