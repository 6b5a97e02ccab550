import { expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../api/problem';
import type { Me } from '../api/types';
import type { UploadInfo } from './api';
import type { SendEvents, Sending } from './sender';
import { TransferQueue, type TransferWorld } from './TransferQueue';

/** A world in which the test is the network. */
function outside(unfinished: Partial<UploadInfo>[] = []) {
  const sent: { name: string; id: string | null; events: SendEvents; sending: Sending }[] = [];
  const finish = vi.fn<TransferWorld['api']['finish']>(async () => ({}) as UploadInfo);
  const login = { id: 'anna' };
  const get = vi.fn<TransferWorld['api']['get']>(async () => ({ state: 'importing' }) as UploadInfo);
  const find = vi.fn<TransferWorld['held']['find']>(async () => null);
  let nextLook: () => void = () => undefined;
  const names = vi.fn<TransferWorld['api']['names']>(async (files) => ({ found: files.map(() => ({ stain: 'HE' })) }));
  const list = vi.fn<TransferWorld['api']['list']>(async () => ({ uploads: unfinished as UploadInfo[] }));
  let hashed: (sha256: string | null) => void = () => undefined;
  const world: TransferWorld = {
    api: {
      list,
      get,
      finish,
      names,
      whoIsIn: async () => ({ person: login }) as Me,
    },
    fingerprint: async (file) => `print of ${file.name}`,
    isDicom: async (file) => file.name.endsWith('.dcm'),
    headOf: async (file) => ({ study: `study of ${await file.text()}`, instance: '1.2.3', dataSetAt: 0 }),
    held: { find },
    hashFile: () => ({ sha256: new Promise((resolve) => (hashed = resolve)), stop: () => undefined }),
    sendFile: (file, _print, id, _person, events) => {
      const sending = { start: vi.fn(), pause: vi.fn(async () => undefined), cancel: vi.fn(async () => undefined) };
      sent.push({ name: file.name, id, events, sending });
      return sending;
    },
    pause: () => new Promise((resolve) => (nextLook = resolve)),
    now_ms: () => 0,
  };
  return { queue: new TransferQueue(world), list, get, find, sent, finish, names, login, hash: (value: string | null) => hashed(value), lookAgain: () => nextLook() };
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

/** A DICOM file that was handed over as upload `u1`. */
async function handedOver() {
  const world = outside();
  const { queue, sent, hash } = world;
  queue.add([file('a.dcm')], 'anna');
  await ready(queue, ['sending']);
  sent[0]!.events.onBegun('u1');
  sent[0]!.events.onDone();
  hash('abc');
  await ready(queue, ['handedOver']);
  return { ...world, key: queue.snapshot()[0]!.key };
}

const refusal = { why: 'not_dicom', detail: '' } as const;

test('what was handed over is followed until it is there, also over a line that breaks', async () => {
  const { queue, get, lookAgain } = await handedOver();
  await vi.waitFor(() => expect(get).toHaveBeenCalledExactlyOnceWith('u1'));
  get.mockRejectedValueOnce(new Unreachable()).mockResolvedValueOnce({ state: 'ready' } as UploadInfo);
  lookAgain();
  await vi.waitFor(() => expect(get).toHaveBeenCalledTimes(2));
  expect(kinds(queue)).toEqual(['handedOver']);
  lookAgain();
  await ready(queue, ['there']);
});

test('what was refused is kept, and sent again from its first byte as another upload', async () => {
  const { queue, get, key, sent, hash, finish, lookAgain } = await handedOver();
  await vi.waitFor(() => expect(get).toHaveBeenCalled());
  get.mockResolvedValueOnce({ state: 'refused', refusal } as unknown as UploadInfo);
  lookAgain();
  await ready(queue, ['refused']);
  expect(queue.snapshot()[0]?.state).toEqual({ kind: 'refused', refusal });
  expect(queue.isBusy()).toBe(false);
  queue.resume(key);
  await ready(queue, ['sending']);
  expect(sent[0]?.sending.cancel).toHaveBeenCalledOnce();
  expect(sent[1]).toMatchObject({ name: 'a.dcm', id: null });
  expect(queue.snapshot()[0]).toMatchObject({ sent: 0, uploadId: null });
  sent[1]!.events.onBegun('u2');
  sent[1]!.events.onDone();
  // The file may be another by now.
  await ready(queue, ['sent']);
  hash('def');
  await ready(queue, ['handedOver']);
  expect(finish.mock.calls.map(([id, sha256]) => [id, sha256])).toEqual([['u1', 'abc'], ['u2', 'def']]);
});

test('what somebody has taken out of the list of the server is not followed', async () => {
  const { queue, get, lookAgain } = await handedOver();
  await vi.waitFor(() => expect(get).toHaveBeenCalled());
  get.mockRejectedValueOnce(new Problem(404, {}));
  lookAgain();
  await ready(queue, []);
});

test('a DICOM file that the server holds is not sent, and says its study', async () => {
  const { queue, find, sent, names } = outside();
  find.mockResolvedValue({ sop_instance_uid: '1.2.3', sha256: '00', series_instance_uid: '1.2', study_instance_uid: '1.1' });
  queue.add([file('a.dcm'), file('b.svs')], 'anna');
  await ready(queue, ['there', 'sending']);
  expect(queue.snapshot()[0]).toMatchObject({ study: '1.1', sent: 5, isSlide: false, uploadId: null });
  expect(find).toHaveBeenCalledOnce();
  expect(sent.map(({ name }) => name)).toEqual(['b.svs']);
  expect(names).toHaveBeenCalledOnce();
});

test('an upload that was begun goes on, without asking whether the server holds the file', async () => {
  const { queue, find, sent } = outside([{ id: 'old', state: 'receiving', fingerprint: 'print of a.dcm', bytes: 5, offset: 3 }]);
  queue.add([file('a.dcm')], 'anna');
  await ready(queue, ['sending']);
  expect(sent[0]?.id).toBe('old');
  expect(find).not.toHaveBeenCalled();
});
