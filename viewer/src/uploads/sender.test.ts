import { expect, test, vi } from 'vitest';
import { sendFile, type Answer, type Ask, type SendEvents } from './sender';
import { Sha256 } from './sha256';

/** A server that speaks tus, over a line that the test breaks. */
function server(bytes: number) {
  const state = { received: new Uint8Array(0), begun: 0, breaks: 0, refuse: 0, person: 'anna', asked: [] as string[] };
  const answer = (status: number, headers: Record<string, string> = {}, body = '{}'): Answer => ({ status, header: (name) => headers[name] ?? null, body });
  const ask: Ask = async (method, url, headers, body, { onSent }) => {
    if (url === '/api/v1/session') return answer(200, {}, JSON.stringify({ person: { id: state.person } }));
    state.asked.push(method);
    expect(headers['Tus-Resumable']).toBe('1.0.0');
    expect(headers['X-Farsight-Person']).toBe('anna');
    if (state.refuse !== 0) return answer(state.refuse);
    if (method === 'POST') {
      state.begun += 1;
      expect(headers['Upload-Length']).toBe(String(bytes));
      return answer(201, { Location: `${url}/u${state.begun}` });
    }
    if (method === 'HEAD') return state.begun === 0 ? answer(404) : answer(200, { 'Upload-Offset': String(state.received.length) });
    if (method === 'PATCH') {
      if (state.breaks > 0) {
        state.breaks -= 1;
        return answer(0);
      }
      const piece = new Uint8Array(await body!.arrayBuffer());
      expect(headers['Upload-Offset']).toBe(String(state.received.length));
      expect(headers['Upload-Checksum']).toBe(`sha256 ${btoa(String.fromCharCode(...new Sha256().update(piece).digest()))}`);
      onSent(piece.length);
      const before = state.received;
      state.received = new Uint8Array(before.length + piece.length);
      state.received.set(before);
      state.received.set(piece, before.length);
      return answer(204, { 'Upload-Offset': String(state.received.length) });
    }
    return answer(204);
  };
  return { state, ask };
}

function events() {
  return { onBegun: vi.fn(), onSent: vi.fn(), onBroken: vi.fn(), onDone: vi.fn(), onFailed: vi.fn() } satisfies SendEvents;
}

const sum = (bytes: Uint8Array) => new Sha256().update(bytes).hex();
const content = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251);
const file = new File([content], '切片.svs');

test('pieces arrive in order, also over a line that breaks', async () => {
  const { state, ask } = server(content.length);
  state.breaks = 2;
  const told = events();
  sendFile(file, 'print', null, 'anna', told, ask).start();
  await vi.waitFor(() => expect(told.onDone).toHaveBeenCalledOnce(), { timeout: 10_000 });
  expect(sum(state.received)).toBe(sum(content));
  expect(told.onBroken).toHaveBeenCalledTimes(2);
  expect(told.onBegun).toHaveBeenLastCalledWith('u1');
  expect(told.onSent).toHaveBeenLastCalledWith(content.length);
});

test('one that the server has forgotten begins anew', async () => {
  const { state, ask } = server(content.length);
  const told = events();
  sendFile(file, 'print', 'expired', 'anna', told, ask).start();
  await vi.waitFor(() => expect(told.onDone).toHaveBeenCalledOnce(), { timeout: 10_000 });
  expect(state.asked.slice(0, 3)).toEqual(['HEAD', 'POST', 'PATCH']);
});

test('what is refused is told at once, and no pause is a fault', async () => {
  const { state, ask } = server(content.length);
  state.refuse = 507;
  const told = events();
  const sending = sendFile(file, 'print', null, 'anna', told, ask);
  sending.start();
  await vi.waitFor(() => expect(told.onFailed).toHaveBeenCalledOnce());
  expect(told.onFailed.mock.calls[0]?.[0]).toMatchObject({ slug: 'out-of-resources' });

  state.refuse = 0;
  state.breaks = 1_000;
  sending.start();
  await vi.waitFor(() => expect(told.onBroken).toHaveBeenCalled());
  await sending.pause();
  const asked = state.asked.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(state.asked.length).toBe(asked);
  expect(told.onFailed).toHaveBeenCalledOnce();
  state.breaks = 0;
  sending.start();
  await vi.waitFor(() => expect(told.onDone).toHaveBeenCalledOnce(), { timeout: 10_000 });
  expect(sum(state.received)).toBe(sum(content));
});

test('it does not begin, and does not go on, as another person than the one who added it', async () => {
  const { state, ask } = server(content.length);
  state.person = 'bo';
  for (const known of [null, 'of anna']) {
    const told = events();
    sendFile(file, 'print', known, 'anna', told, ask).start();
    await vi.waitFor(() => expect(told.onFailed).toHaveBeenCalledOnce());
    expect(told.onFailed.mock.calls[0]?.[0]).toMatchObject({ slug: 'other-person' });
  }
  expect(state.asked).toEqual([]);
});

test('another login while the server looks for an upload does not begin a new one', async () => {
  const { state, ask } = server(content.length);
  const told = events();
  const meanwhile: Ask = (method, ...rest) => {
    if (method === 'HEAD') state.person = 'bo';
    return ask(method, ...rest);
  };
  sendFile(file, 'print', 'expired', 'anna', told, meanwhile).start();
  await vi.waitFor(() => expect(told.onFailed).toHaveBeenCalledOnce());
  expect(told.onFailed.mock.calls[0]?.[0]).toMatchObject({ slug: 'other-person' });
  expect(state.asked).toEqual(['HEAD']);
});

test('a piece that the server refuses because somebody else is logged in is not sent again', async () => {
  const { state, ask } = server(content.length);
  const told = events();
  const refusing: Ask = async (method, ...rest) => {
    if (method !== 'PATCH') return ask(method, ...rest);
    return { status: 409, header: () => null, body: JSON.stringify({ type: 'https://example.org/problems/other-person' }) };
  };
  sendFile(file, 'print', null, 'anna', told, refusing).start();
  await vi.waitFor(() => expect(told.onFailed).toHaveBeenCalledOnce());
  expect(told.onFailed.mock.calls[0]?.[0]).toMatchObject({ slug: 'other-person' });
  expect(told.onBroken).not.toHaveBeenCalled();
  expect(state.begun).toBe(1);
});
