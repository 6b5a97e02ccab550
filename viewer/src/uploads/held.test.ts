import { expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../api/problem';
import type { HeldInstance } from './api';
import { growingParts, HeldFiles, type HeldWorld } from './held';

/** A server that holds these instances with these bytes; a hash is the bytes themselves. */
function server(held: Record<string, string>) {
  const ask = vi.fn<HeldWorld['ask']>(async (instances) => ({ held: instances.flatMap((instance) => one(instance, held[instance])) }));
  const hash = vi.fn(async (file: Blob): Promise<string | null> => file.text());
  const [openHasher, close] = [vi.fn(), vi.fn()];
  openHasher.mockImplementation(() => ({ hash, close }));
  const waits = vi.fn<HeldWorld['pause']>(async () => undefined);
  return { files: new HeldFiles({ ask, openHasher, pause: waits }), ask, hash, openHasher, close, waits };
}

function one(instance: string, bytes: string | undefined): HeldInstance[] {
  return bytes === undefined ? [] : [{ sop_instance_uid: instance, sha256: bytes, series_instance_uid: '1.2', study_instance_uid: '1' }];
}

const signal = new AbortController().signal;
const untold = () => undefined;

/** Meta information of four bytes in front of the data set. */
function find(files: HeldFiles, instance: string | null, bytes: string, { signal: given = signal, onBroken = untold as (attempt: number) => void } = {}) {
  return files.find(new Blob([`meta${bytes}`]), { study: '1', instance, dataSetAt: 4 }, given, onBroken);
}

test('only what is the same byte for byte is held, and the meta information in front of it does not count', async () => {
  const { files, ask } = server({ '1.1': 'same', '1.2': 'one' });
  const found = await Promise.all([find(files, '1.1', 'same'), find(files, '1.2', 'other'), find(files, '1.3', 'same'), find(files, null, 'same')]);
  expect(found.map((held) => held?.sop_instance_uid)).toEqual(['1.1', undefined, undefined, undefined]);
  expect(ask).toHaveBeenCalledExactlyOnceWith(['1.1', '1.2', '1.3']);
});

test('what the server does not hold is not even hashed', async () => {
  const { files, hash, openHasher, close } = server({ '1.1': 'same' });
  expect(await Promise.all([find(files, '1.1', 'same'), find(files, '1.2', 'new'), find(files, '1.3', 'new')])).toHaveLength(3);
  expect(hash).toHaveBeenCalledOnce();
  await vi.waitFor(() => expect(close).toHaveBeenCalledOnce());
  expect(openHasher).toHaveBeenCalledOnce();
});

test('a thousand are asked about at once, and no more', async () => {
  const { files, ask } = server({});
  await Promise.all(Array.from({ length: 1001 }, (_, n) => find(files, `1.${n}`, 'new')));
  expect(ask.mock.calls.map(([instances]) => instances.length)).toEqual([1000, 1]);
});

test('a CD takes a few questions, the first of them soon', () => {
  const parts = [...growingParts(Array.from({ length: 600 }, (_, n) => n))];
  expect(parts.map(({ length }) => length)).toEqual([8, 16, 32, 64, 128, 256, 96]);
  expect(parts.flat()).toHaveLength(600);
  expect([...growingParts([])]).toEqual([]);
});

test('a line that breaks is waited for: nothing is sent that may be there', async () => {
  const { files, ask, waits } = server({ '1.1': 'same' });
  ask.mockRejectedValueOnce(new Unreachable()).mockRejectedValueOnce(new Problem(503, {}));
  const onBroken = vi.fn();
  expect(await find(files, '1.1', 'same', { onBroken })).not.toBeNull();
  expect(onBroken.mock.calls).toEqual([[1], [2]]);
  expect(waits).toHaveBeenCalledTimes(2);
});

test('a server that does not answer such questions gets the files', async () => {
  const { files, ask, hash } = server({ '1.1': 'same' });
  ask.mockRejectedValue(new Problem(404, {}));
  expect(await find(files, '1.1', 'same')).toBeNull();
  expect(ask).toHaveBeenCalledOnce();
  expect(hash).not.toHaveBeenCalled();
});

test('a file that cannot be read is not held', async () => {
  const { files, hash } = server({ '1.1': 'same' });
  hash.mockResolvedValue(null);
  expect(await find(files, '1.1', 'same')).toBeNull();
});

test('what is not wanted any more is neither asked about nor hashed, and the others are', async () => {
  const { files, ask, hash } = server({ '1.1': 'same', '1.2': 'same' });
  const stopped = new AbortController();
  stopped.abort();
  expect(await Promise.all([find(files, '1.1', 'same', { signal: stopped.signal }), find(files, '1.2', 'same')])).toMatchObject([null, { sop_instance_uid: '1.2' }]);
  expect(ask).toHaveBeenCalledExactlyOnceWith(['1.2']);
  expect(hash).toHaveBeenCalledOnce();
});
