import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sendWatched } from './line';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A request of which the test says what moves. */
function request() {
  const [own, upload] = [new EventTarget(), new EventTarget()];
  const abort = vi.fn(() => void own.dispatchEvent(new Event('loadend')));
  const xhr = Object.assign(own, { upload, abort, send: vi.fn() });
  return { xhr, moves: () => upload.dispatchEvent(new Event('progress')), isSent: () => upload.dispatchEvent(new Event('load')), ends: () => own.dispatchEvent(new Event('loadend')) };
}

test('a line that hangs in the middle of a file is given up', () => {
  const { xhr, moves } = request();
  sendWatched(xhr, new Blob(['slice']));
  moves();
  vi.advanceTimersByTime(59_000);
  expect(xhr.abort).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2_000);
  expect(xhr.abort).toHaveBeenCalledOnce();
});

test('a line that never takes the first byte is given up', () => {
  const { xhr } = request();
  sendWatched(xhr, null);
  vi.advanceTimersByTime(61_000);
  expect(xhr.abort).toHaveBeenCalledOnce();
});

test('a slow line is not a dead one, however long it takes', () => {
  const { xhr, moves } = request();
  sendWatched(xhr, new Blob(['slice']));
  for (let minutes = 0; minutes < 60; minutes += 0.75) {
    moves();
    vi.advanceTimersByTime(45_000);
  }
  expect(xhr.abort).not.toHaveBeenCalled();
});

test('what the machine has taken and not yet sent has its time before the answer', () => {
  const { xhr, moves, isSent } = request();
  sendWatched(xhr, new Blob([new Uint8Array(800_000)]));
  moves();
  isSent();
  vi.advanceTimersByTime(150_000);
  expect(xhr.abort).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20_000);
  expect(xhr.abort).toHaveBeenCalledOnce();
});

test('what has ended is left alone', () => {
  const { xhr, ends } = request();
  sendWatched(xhr, null);
  ends();
  vi.advanceTimersByTime(600_000);
  expect(xhr.abort).not.toHaveBeenCalled();
});
