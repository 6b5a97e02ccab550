import { expect, test, vi } from 'vitest';
import { Unreachable } from '../api/problem';
import type { Me } from '../api/types';
import type { UploadInfo } from './api';
import type { SendEvents, Sending } from './sender';
import { TransferQueue, type TransferWorld } from './TransferQueue';

/** A world in which the test is the network. */
function outside(unfinished: Partial<UploadInfo>[] = []) {
  const sent: { name: string; id: string | null; events: SendEvents; sending: Sending }[] = [];
  const finish = vi.fn<TransferWorld['api']['finish']>(async () => ({}) as UploadInfo);
  const login = { id: 'anna' };
  const names = vi.fn<TransferWorld['api']['names']>(async (files) => ({ found: files.map(() => ({ stain: 'HE' })) }));
  const list = vi.fn<TransferWorld['api']['list']>(async () => ({ uploads: unfinished as UploadInfo[] }));
  let hashed: (sha256: string | null) => void = () => undefined;
  const world: TransferWorld = {
    api: {
      list,
      finish,
      names,
      whoIsIn: async () => ({ person: login }) as Me,
    },
    fingerprint: async (file) => `print of ${file.name}`,
    isDicom: async (file) => file.name.endsWith('.dcm'),
    studyOf: async (file) => `study of ${await file.text()}`,
    hashFile: () => ({ sha256: new Promise((resolve) => (hashed = resolve)), stop: () => undefined }),
    sendFile: (file, _print, id, _person, events) => {
      const sending = { start: vi.fn(), pause: vi.fn(async () => undefined), cancel: vi.fn(async () => undefined) };
      sent.push({ name: file.name, id, events, sending });
      return sending;
    },
    now_ms: () => 0,
  };
  return { queue: new TransferQueue(world), list, sent, finish, names, login, hash: (value: string | null) => hashed(value) };
}

const file = (name: string) => new File(['bytes'], name);
const kinds = (queue: TransferQueue) => queue.snapshot().map(({ state }) => state.kind);
const ready = (queue: TransferQueue, expected: string[]) => vi.waitFor(() => expect(kinds(queue)).toEqual(expected));

test('a slide is handed over when its bytes, its hash and a yes are there, in any order', async () => {
  const { queue, sent, finish, hash } = outside();
  queue.add([file('a.svs')], 'anna');
  await ready(queue, ['sending']);
  expect(queue.snapshot()[0]?.of).toEqual({ stain: 'HE' });
  const key = queue.snapshot()[0]!.key;
  queue.describe(key, { patient_name: '张三' });
  sent[0]!.events.onBegun('u1');
  sent[0]!.events.onDone();
  queue.confirm(key);
  expect(finish).not.toHaveBeenCalled();
  hash('abc');
  await ready(queue, ['handedOver']);
  expect(finish).toHaveBeenCalledExactlyOnceWith('u1', 'abc', { of: { patient_name: '张三' } }, 'anna');
});

test('a slide whose patient nobody has confirmed stays, however complete', async () => {
  const { queue, sent, finish, hash } = outside();
  queue.add([file('a.svs')], 'anna');
  await ready(queue, ['sending']);
  const key = queue.snapshot()[0]!.key;
  queue.confirm(key);
  queue.describe(key, { patient_name: '李四' });
  sent[0]!.events.onBegun('u1');
  sent[0]!.events.onDone();
  hash('abc');
  await ready(queue, ['sent']);
  expect(finish).not.toHaveBeenCalled();
});

test('the same file after a reload goes on where it was', async () => {
  const { queue, sent } = outside([
    { id: 'old', state: 'receiving', fingerprint: 'print of a.svs', bytes: 5, offset: 3 },
    { id: 'other', state: 'ready', fingerprint: 'print of a.svs', bytes: 5 },
  ]);
  queue.add([file('a.svs')], 'anna');
  await ready(queue, ['sending']);
  expect(sent[0]?.id).toBe('old');
  expect(queue.snapshot()[0]?.sent).toBe(3);
});

test('one after the other; a paused one lets the next go', async () => {
  const { queue, sent } = outside();
  queue.add([file('a.dcm'), file('b.dcm')], 'anna');
  await ready(queue, ['sending', 'queued']);
  queue.pause(queue.snapshot()[0]!.key);
  await ready(queue, ['paused', 'sending']);
  expect(sent[0]?.sending.pause).toHaveBeenCalled();
  queue.resume(queue.snapshot()[0]!.key);
  await ready(queue, ['queued', 'sending']);
  sent[1]?.events.onDone();
  await ready(queue, ['sending', 'sent']);
});

test('a broken line is told and mended, a refusal ends it and can be tried again', async () => {
  const { queue, sent } = outside();
  queue.add([file('a.svs')], 'anna');
  await ready(queue, ['sending']);
  sent[0]?.events.onBroken();
  expect(kinds(queue)).toEqual(['broken']);
  sent[0]?.events.onSent(4);
  expect(kinds(queue)).toEqual(['sending']);
  sent[0]?.events.onFailed(new Unreachable());
  expect(kinds(queue)).toEqual(['failed']);
  queue.resume(queue.snapshot()[0]!.key);
  expect(kinds(queue)).toEqual(['sending']);
});

test('that nobody knows yet is said in so many words, and an answer to the form takes it back', async () => {
  const { queue, sent, finish, hash } = outside();
  queue.add([file('B26-1 P7.svs')], 'anna');
  await ready(queue, ['sending']);
  const key = queue.snapshot()[0]!.key;
  queue.leaveUnknown(key);
  queue.describe(key, { patient_name: '张三' });
  expect(queue.snapshot()[0]).toMatchObject({ unknown: false, confirmed: false });
  queue.leaveUnknown(key);
  sent[0]!.events.onBegun('u1');
  sent[0]!.events.onDone();
  hash('abc');
  await vi.waitFor(() => expect(finish).toHaveBeenCalledExactlyOnceWith('u1', 'abc', { of: {}, unknown: true }, 'anna'));
});

test.each([
  ['typed', (queue: TransferQueue, key: number) => queue.describe(key, {}), {}],
  ['confirmed', (queue: TransferQueue, key: number) => queue.confirm(key), {}],
  ['left unknown', (queue: TransferQueue, key: number) => queue.leaveUnknown(key), {}],
  ['not answered', () => undefined, { patient_id: 'P7' }],
])('what the name says late does not overwrite a form that was %s', async (_what, answer, expected) => {
  const { queue, names } = outside();
  let late: (found: { found: { patient_id: string }[] }) => void = () => undefined;
  names.mockReturnValueOnce(new Promise((resolve) => (late = resolve)));
  queue.add([file('P7.svs')], 'anna');
  await ready(queue, ['sending']);
  answer(queue, queue.snapshot()[0]!.key);
  late({ found: [{ patient_id: 'P7' }] });
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(queue.snapshot()[0]?.of).toEqual(expected);
});

test('what one person has confirmed is not handed over as another, and goes on when they are back', async () => {
  const { queue, sent, finish, hash, login } = outside();
  queue.add([file('a.svs')], 'anna');
  await ready(queue, ['sending']);
  const key = queue.snapshot()[0]!.key;
  queue.describe(key, { patient_id: 'P7' });
  queue.confirm(key);
  sent[0]!.events.onBegun('u1');
  login.id = 'bo';
  sent[0]!.events.onDone();
  hash('abc');
  await ready(queue, ['failed']);
  expect(queue.snapshot()[0]?.state).toMatchObject({ error: { slug: 'other-person' } });
  expect(finish).not.toHaveBeenCalled();

  login.id = 'anna';
  queue.resume(key);
  sent[0]!.events.onDone();
  queue.confirm(key);
  await ready(queue, ['handedOver']);
  expect(finish).toHaveBeenCalledExactlyOnceWith('u1', 'abc', { of: { patient_id: 'P7' } }, 'anna');
});

test('a DICOM file, which needs no answer, is handed over again after a failure', async () => {
  const { queue, sent, finish, hash } = outside();
  finish.mockRejectedValueOnce(new Unreachable());
  queue.add([file('a.dcm')], 'anna');
  await ready(queue, ['sending']);
  sent[0]!.events.onBegun('u1');
  sent[0]!.events.onDone();
  hash('abc');
  await ready(queue, ['failed']);
  queue.resume(queue.snapshot()[0]!.key);
  sent[0]!.events.onDone();
  await ready(queue, ['handedOver']);
});

test('of a folder two files are read at a time, and what was begun is asked for once', async () => {
  const { queue, list, hash } = outside();
  queue.add(['a.dcm', 'b.dcm', 'c.dcm', 'd.dcm'].map(file), 'anna');
  await ready(queue, ['sending', 'queued', 'preparing', 'preparing']);
  hash('abc');
  await ready(queue, ['sending', 'queued', 'queued', 'preparing']);
  queue.cancel(queue.snapshot()[0]!.key);
  await ready(queue, ['sending', 'queued', 'queued']);
  expect(list).toHaveBeenCalledOnce();
});
