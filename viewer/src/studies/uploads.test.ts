import { expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../api/problem';
import type { Uploaded } from '../api/types';
import { UploadQueue, type Sender } from './uploads';

const answer: Uploaded = { study_instance_uid: '1.2', series_instance_uid: '1.2.3', sop_instance_uid: '1.2.3.4', outcome: 'stored' };
const swift = { atOnce: 3, attempts: 3, pause_ms: () => 0 };

function files(count: number): File[] {
  return Array.from({ length: count }, (_, index) => new File(['x'], `${index}.dcm`));
}

async function finished(queue: UploadQueue): Promise<string[]> {
  await vi.waitFor(() => {
    expect(queue.snapshot().every(({ state }) => state.kind === 'done' || state.kind === 'failed')).toBe(true);
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
