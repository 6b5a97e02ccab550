import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LiveLine, sessionEnded, type LineState, type LiveMessage } from './LiveLine';

class FakeSocket {
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;
  constructor(readonly after: number | null) {}
  close(): void {
    this.closed = true;
  }
  says(message: Partial<LiveMessage>): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  ends(code = 1006): void {
    this.onclose?.({ code });
  }
}

function line(login: () => Promise<boolean> = () => Promise.resolve(true)) {
  const sockets: FakeSocket[] = [];
  const heard: LiveMessage[] = [];
  const states: LineState[] = [];
  const made = new LiveLine({
    open: (after) => {
      const socket = new FakeSocket(after);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    onChange: (message) => heard.push(message),
    onState: (state) => states.push(state),
    onSessionEnded: login,
    random: () => 1,
  });
  made.start();
  return { made, sockets, heard, states, last: () => sockets[sockets.length - 1]! };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a line that breaks comes back with the last event it has heard', () => {
  const { sockets, heard, states, last } = line();
  last().says({ what: 'hello', seq: 5 });
  last().says({ what: 'consult', seq: 7, id: 'c1' });
  last().says({ what: 'beat', seq: 9 });
  // What changed before the line was there is asked for again.
  const first = [{ what: 'resync', seq: 5 }, { what: 'consult', seq: 7, id: 'c1' }];
  expect(heard).toEqual(first);
  last().ends();
  vi.advanceTimersByTime(999);
  expect(sockets).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(last().after).toBe(9);
  last().says({ what: 'hello', seq: 9 });
  expect(heard).toEqual(first);
  expect(states).toEqual(['connecting', 'up', 'down', 'up']);
});

test('pauses grow to half a minute', () => {
  const { sockets, last } = line();
  const pauses = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  for (const pause of pauses) {
    last().ends();
    const before = sockets.length;
    vi.advanceTimersByTime(pause - 1);
    expect(sockets).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(before + 1);
  }
});

test('a line that says nothing is dead', () => {
  const { sockets, states, last } = line();
  last().says({ what: 'hello', seq: 1 });
  vi.advanceTimersByTime(40_000);
  expect(sockets[0]?.closed).toBe(true);
  expect(states.at(-1)).toBe('down');
  vi.advanceTimersByTime(1_000);
  expect(sockets).toHaveLength(2);
});

test('when the session has ended it waits for the log-in', async () => {
  let logIn: (isBack: boolean) => void = () => undefined;
  const { sockets, last } = line(() => new Promise((resolve) => (logIn = resolve)));
  last().ends(sessionEnded);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(sockets).toHaveLength(1);
  logIn(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(sockets).toHaveLength(2);
});

test('nonsense is no event, and what is stopped stays so', () => {
  const { made, sockets, heard, last } = line();
  last().onmessage?.({ data: 'not JSON' });
  last().onmessage?.({ data: '{"what":"consult"}' });
  expect(heard).toEqual([]);
  made.stop();
  last().ends();
  vi.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(1);
});
