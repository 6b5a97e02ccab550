import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { request } from './client';
import { isReachable, setReachable } from './connection';
import { Unreachable } from './problem';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  setReachable(true);
});

/** A server that answers by `answer`, or never; like `fetch`, it fails when it is aborted. */
function line(answer?: () => Response) {
  const fetch = vi.fn((_address: string, { signal }: { signal: AbortSignal }) => {
    const cut = new Promise<Response>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    return answer === undefined ? cut : Promise.race([cut, Promise.resolve(answer())]);
  });
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

/** What became of it, without waiting. */
function watch(asked: Promise<unknown>): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: 'open' };
  asked.then(
    (value) => (seen.outcome = value),
    (error: unknown) => (seen.outcome = error),
  );
  return seen;
}

test('what is asked over a line that is dead ends as unreachable', async () => {
  line();
  const [reading, writing] = [watch(request('GET', '/studies')), watch(request('POST', '/consults', { body: {} }))];
  await vi.advanceTimersByTimeAsync(29_000);
  expect(reading.outcome).toBe('open');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(reading.outcome).toBeInstanceOf(Unreachable);
  expect(writing.outcome).toBe('open');
  await vi.advanceTimersByTimeAsync(30_000);
  expect(writing.outcome).toBeInstanceOf(Unreachable);
  expect(isReachable()).toBe(false);
});

test('a file has its time on a slow line', async () => {
  line();
  const sending = watch(request('POST', '/consults/1/attachments', { file: new Blob([new Uint8Array(8_000_000)]) }));
  await vi.advanceTimersByTimeAsync(1_000_000);
  expect(sending.outcome).toBe('open');
  await vi.advanceTimersByTimeAsync(70_000);
  expect(sending.outcome).toBeInstanceOf(Unreachable);
});

test('an answer that comes slowly is read to its end', async () => {
  let parts: ReadableStreamDefaultController<Uint8Array> | undefined;
  const slow = () => new Response(new ReadableStream<Uint8Array>({ start: (controller) => void (parts = controller) }));
  const say = (text: string) => parts?.enqueue(new TextEncoder().encode(text));
  line(slow);
  const whole = watch(request('GET', '/studies'));
  for (const part of ['{"stu', 'dies"', ':[]}']) {
    await vi.advanceTimersByTimeAsync(25_000);
    say(part);
  }
  parts?.close();
  await vi.advanceTimersByTimeAsync(0);
  expect(whole.outcome).toEqual({ studies: [] });
});

test('what its asker gives up is no trouble with the line', async () => {
  line();
  const giving = new AbortController();
  const asked = watch(request('GET', '/studies', { signal: giving.signal }));
  giving.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.outcome).toMatchObject({ name: 'AbortError' });
  expect(isReachable()).toBe(true);
});

test('an empty answer is read as none, and a refusal by what it says', async () => {
  line(() => new Response(null, { status: 204 }));
  await expect(request('DELETE', '/session')).resolves.toBeUndefined();
  line(() => new Response(JSON.stringify({ type: '/problems/stale', detail: '已改' }), { status: 412 }));
  await expect(request('PUT', '/consults/1')).rejects.toMatchObject({ slug: 'stale', detail: '已改' });
});
