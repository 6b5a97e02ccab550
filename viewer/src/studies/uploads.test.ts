import { expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../api/problem';
import type { Uploaded } from '../api/types';
import type { HeldFiles } from '../uploads/held';
import { isFinished, UploadQueue, type Sender } from './uploads';

const answer: Uploaded = { study_instance_uid: '1.2', series_instance_uid: '1.2.3', sop_instance_uid: '1.2.3.4', outcome: 'stored' };
const swift = { atOnce: 3, attempts: 3, pause_ms: () => 0 };

function files(count: number): File[] {
  return Array.from({ length: count }, (_, index) => new File(['x'], `${index}.dcm`));
}

async function finished(queue: UploadQueue): Promise<string[]> {
  await vi.waitFor(() => {
    expect(queue.snapshot().every(({ state }) => isFinished(state))).toBe(true);
  });
  return queue.snapshot().map(({ state }) => state.kind);
}

test('never more than three at once, and every file gets its answer', async () => {
  let active = 0;
  let most = 0;
  const send: Sender = async () => {
    active += 1;
    most = Math.max(most, active);
    await new Promise((resolve) => setTimeout(resolve, 1));
    active -= 1;
    return answer;
  };
  const queue = new UploadQueue(send, swift);
  queue.add(files(10));
  expect(await finished(queue)).toEqual(Array(10).fill('done'));
  expect(most).toBe(3);
});

test('a network that comes back loses nothing', async () => {
  const send = vi.fn<Sender>().mockRejectedValueOnce(new Unreachable()).mockResolvedValue(answer);
  const queue = new UploadQueue(send, swift);
  queue.add(files(1));
  expect(await finished(queue)).toEqual(['done']);
  expect(send).toHaveBeenCalledTimes(2);
});

test('a refusal is final and is not tried again', async () => {
  const send = vi.fn<Sender>().mockRejectedValue(new Problem(422, { type: '/problems/invalid' }));
  const queue = new UploadQueue(send, swift);
  queue.add(files(1));
  expect(await finished(queue)).toEqual(['failed']);
  expect(send).toHaveBeenCalledTimes(1);
});

test('a network that stays away fails in the end', async () => {
  const send = vi.fn<Sender>().mockRejectedValue(new Unreachable());
  const queue = new UploadQueue(send, swift);
  queue.add(files(1));
  expect(await finished(queue)).toEqual(['failed']);
  expect(send).toHaveBeenCalledTimes(3);
});

test('what failed is kept, and sent again when somebody says so', async () => {
  const send = vi.fn<Sender>().mockRejectedValueOnce(new Problem(500, {})).mockResolvedValue(answer);
  const queue = new UploadQueue(send, { ...swift, atOnce: 1 });
  queue.add(files(2));
  expect(await finished(queue)).toEqual(['failed', 'done']);
  queue.clearFinished();
  const failed = queue.snapshot().map(({ id }) => id);
  expect(failed).toHaveLength(1);
  queue.retry(failed);
  expect(await finished(queue)).toEqual(['done']);
  expect(send).toHaveBeenCalledTimes(3);
  expect(send.mock.calls.at(-1)?.[0].name).toBe('0.dcm');
});

test('the wrong folder is stopped: what is under way is broken off, and nothing more is sent', async () => {
  const cut = vi.fn();
  const send = vi.fn<Sender>(
    (_file, _onProgress, _target, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          cut();
          reject(new Unreachable());
        }),
      ),
  );
  const queue = new UploadQueue(send, swift);
  queue.add(files(10));
  expect(queue.isBusy()).toBe(true);
  await vi.waitFor(() => expect(send).toHaveBeenCalledTimes(3));
  queue.stop(queue.snapshot().map(({ id }) => id));
  expect(await finished(queue)).toEqual(Array(10).fill('skipped'));
  expect(cut).toHaveBeenCalledTimes(3);
  expect(send).toHaveBeenCalledTimes(3);
  expect(queue.isBusy()).toBe(false);
  queue.retry(queue.snapshot().map(({ id }) => id));
  expect(send).toHaveBeenCalledTimes(3);
});

test('one that is stopped while it waits for the line does not go on when the line is back', async () => {
  const send = vi.fn<Sender>().mockRejectedValue(new Unreachable());
  const queue = new UploadQueue(send, { ...swift, pause_ms: () => 60_000 });
  queue.add(files(1));
  await vi.waitFor(() => expect(queue.snapshot()[0]?.state.kind).toBe('retrying'));
  queue.stop([1]);
  queue.add(files(1));
  await vi.waitFor(() => expect(queue.snapshot()[1]?.state.kind).toBe('retrying'));
  expect(queue.snapshot()[0]?.state).toEqual({ kind: 'skipped', why: 'stopped' });
  expect(send).toHaveBeenCalledTimes(2);
});

test('how far it is counts bytes, and not what is not sent', async () => {
  let progress: ((sent: number) => void) | null = null;
  const queue = new UploadQueue((_file, onProgress) => new Promise(() => (progress = onProgress)), { ...swift, atOnce: 1 });
  queue.add([new File(['x'.repeat(300)], 'a.dcm'), new File(['x'.repeat(100)], 'b.dcm')]);
  queue.skip([new File(['x'.repeat(900)], 'viewer.exe')], 'other');
  await vi.waitFor(() => expect(progress).not.toBeNull());
  progress!(0.5);
  expect(queue.pace()).toMatchObject({ sent: 150, bytes: 400 });
});

test('a file is known by the study that it is said to be of, and by the one that the server says', async () => {
  const queue = new UploadQueue(async () => answer, swift);
  queue.add(files(1), () => ({ path: '/uploads/documents', headers: {}, study: '7.8' }));
  expect(queue.snapshot()[0]?.study).toBe('7.8');
  await finished(queue);
  expect(queue.snapshot()[0]?.study).toBe('1.2');
});

/** A server that holds files of these names. */
function holding(...names: string[]) {
  const held = { sop_instance_uid: '9.9.9', sha256: '00', series_instance_uid: '9.9', study_instance_uid: '9' };
  const find = vi.fn<HeldFiles['find']>(async (file) => (names.includes((file as File).name) ? held : null));
  return { find };
}

test('what the server holds is not sent, counts as there, and says nothing of how fast the line is', async () => {
  const send = vi.fn<Sender>(() => new Promise(() => undefined));
  const queue = new UploadQueue(send, swift, holding('0.dcm', '2.dcm'));
  queue.add([new File(['x'.repeat(300)], '0.dcm'), new File(['x'.repeat(100)], '1.dcm'), new File(['x'.repeat(50)], '2.dcm')]);
  await vi.waitFor(() => expect(queue.snapshot().map(({ state }) => state.kind)).toEqual(['there', 'sending', 'there']));
  expect(send.mock.calls.map(([{ name }]) => name)).toEqual(['1.dcm']);
  expect(queue.pace()).toMatchObject({ sent: 350, bytes: 450, rate: null });
  // As if it had been sent now.
  expect(queue.snapshot()[0]).toMatchObject({ study: '9', state: { answer: { study_instance_uid: '9', outcome: 'already_there' } } });
});

test('a file whose answer was lost is asked about before it is sent again', async () => {
  const send = vi.fn<Sender>().mockRejectedValue(new Unreachable());
  const held = holding();
  const queue = new UploadQueue(send, { ...swift, attempts: 1 }, held);
  queue.add(files(1));
  expect(await finished(queue)).toEqual(['failed']);
  held.find.mockImplementation(holding('0.dcm').find);
  queue.retry([1]);
  expect(await finished(queue)).toEqual(['there']);
  expect(send).toHaveBeenCalledOnce();
});

test('what is stopped while the server is asked about it is not sent', async () => {
  let tell: (held: null) => void = () => undefined;
  const send = vi.fn<Sender>(async () => answer);
  const find = vi.fn<HeldFiles['find']>(() => new Promise((resolve) => (tell = resolve)));
  const queue = new UploadQueue(send, swift, { find });
  queue.add(files(1));
  await vi.waitFor(() => expect(find).toHaveBeenCalled());
  queue.stop([1]);
  tell(null);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(queue.snapshot()[0]?.state).toEqual({ kind: 'skipped', why: 'stopped' });
  expect(send).not.toHaveBeenCalled();
});

test('papers are sent without asking', async () => {
  const held = holding('0.dcm');
  const queue = new UploadQueue(async () => answer, swift, held);
  queue.add(files(1), () => ({ path: '/uploads/documents', headers: {} }));
  expect(await finished(queue)).toEqual(['done']);
  expect(held.find).not.toHaveBeenCalled();
});
