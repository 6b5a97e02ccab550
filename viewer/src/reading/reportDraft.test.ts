import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem, Unreachable } from '../api/problem';
import type { ReportDraft } from '../api/types';
import { ReportSaver, type SaverPorts } from './reportDraft';
import { wordsOf } from './unsent';

const blank: ReportDraft = { findings: '', diagnosis: '', recommendation: '', template: null, displayed: [], key_images: [] };

const empty = (version: number) => ({ version, report: null });

/** The server says what it kept. */
function ports(save: (version: number, report: ReportDraft) => Promise<{ version: number }>, onServer: ReportDraft | null = null) {
  return {
    save: vi.fn(async (version: number, report: ReportDraft) => ({ ...(await save(version, report)), report })),
    current: vi.fn(async () => ({ version: 9, report: onServer })),
    keep: vi.fn(),
    follow: vi.fn(),
    now: () => 0,
    isHeld: vi.fn(() => false),
    changed: vi.fn(),
  } satisfies SaverPorts;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a burst of typing is one save, with the last words', async () => {
  const port = ports(async () => ({ version: 2 }));
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右' });
  saver.change({ findings: '右肺' });
  await vi.advanceTimersByTimeAsync(799);
  expect(port.save).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(port.save).toHaveBeenCalledExactlyOnceWith(1, { ...blank, findings: '右肺' });
  expect(saver.currentVersion).toBe(2);
  expect(port.keep).toHaveBeenLastCalledWith(null);
});

test('without a network the words stay here and go when it is back', async () => {
  let online = false;
  const port = ports(async () => {
    if (!online) throw new Unreachable();
    return { version: 2 };
  });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  await vi.advanceTimersByTimeAsync(800);
  expect(port.changed).toHaveBeenLastCalledWith({ kind: 'offline' });
  expect(port.keep).toHaveBeenLastCalledWith({ report: { ...blank, findings: '右肺' }, over: [wordsOf(null), wordsOf({ findings: '右肺' })] });
  online = true;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(port.changed).toHaveBeenLastCalledWith({ kind: 'saved', at: 0 });
  expect(port.keep).toHaveBeenLastCalledWith(null);
});

test('a version that grew elsewhere is taken up once', async () => {
  const port = ports(async (version) => {
    if (version === 1) throw new Problem(409, { type: '/problems/conflict' });
    return { version: version + 1 };
  });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  await saver.flush();
  expect(saver.currentVersion).toBe(10);
});

test('flush rejects while the words are not with the server', async () => {
  const port = ports(async () => {
    throw new Problem(404, {});
  });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  await expect(saver.flush()).rejects.toThrow(Problem);
});

test('looking at images is saved too, but without hurry', async () => {
  const port = ports(async () => ({ version: 2 }));
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ displayed: ['1.2.3'] });
  await vi.advanceTimersByTimeAsync(2_999);
  expect(port.save).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(port.save).toHaveBeenCalledOnce();
});

const stale = async (version: number) => {
  if (version === 1) throw new Problem(409, { type: '/problems/conflict' });
  return { version: version + 1 };
};

test('what somebody else wrote is not written over', async () => {
  const port = ports(stale, { ...blank, findings: '同事写的' });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  await expect(saver.flush()).rejects.toThrow(Problem);
  expect(port.changed).toHaveBeenLastCalledWith({ kind: 'overtaken', mine: { ...blank, findings: '右肺' } });
  saver.change({ findings: '右肺结节' });
  await vi.advanceTimersByTimeAsync(60_000);
  await expect(saver.flush()).rejects.toThrow(Problem);
  saver.stop();
  expect(port.save).toHaveBeenCalledOnce();
  expect(port.keep).toHaveBeenLastCalledWith({ report: { ...blank, findings: '右肺结节' }, over: [wordsOf(null)] });
});

test('a window in which nothing was typed follows the one that has saved', async () => {
  const port = ports(stale, { ...blank, findings: '另一窗口写的' });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ displayed: ['1.2.3'] });
  await expect(saver.flush()).rejects.toThrow(Problem);
  expect(port.follow).toHaveBeenCalledExactlyOnceWith({ version: 9, report: { ...blank, findings: '另一窗口写的' } });
  expect(port.changed).not.toHaveBeenCalledWith(expect.objectContaining({ kind: 'overtaken' }));
  saver.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(port.save).toHaveBeenCalledOnce();
});

test('a save whose answer was lost is no writing of somebody else', async () => {
  let lost = true;
  const port = ports(
    async (version) => {
      if (!lost) return stale(version);
      lost = false;
      throw new Unreachable();
    },
    { ...blank, findings: '右肺' },
  );
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  await expect(saver.flush()).rejects.toThrow(Unreachable);
  saver.change({ findings: '右肺结节' });
  await saver.flush();
  expect(saver.currentVersion).toBe(10);
});

test('a server that is starting or busy is tried again by itself, and a refusal is not', async () => {
  for (const [status, saves] of [[503, 2], [502, 2], [403, 1]] as const) {
    let once = true;
    const port = ports(async () => {
      if (!once) return { version: 2 };
      once = false;
      throw new Problem(status, {});
    });
    const saver = new ReportSaver(blank, empty(1), port);
    saver.change({ findings: '右肺' });
    await vi.advanceTimersByTimeAsync(800);
    expect(saver.isIdle).toBe(false);
    expect(port.keep).toHaveBeenLastCalledWith(expect.objectContaining({ report: { ...blank, findings: '右肺' } }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(port.save).toHaveBeenCalledTimes(saves);
    expect(saver.isIdle).toBe(saves === 2);
  }
});

test('a version that grows again meanwhile is run after, but not for ever', async () => {
  let onServer = 5;
  const port = {
    ...ports(async (version) => {
      if (version < 7 || version > 100) throw new Problem(409, { type: '/problems/conflict' });
      return { version: version + 1 };
    }),
    current: vi.fn(async () => ({ version: (onServer += 1), report: null })),
  };
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  await saver.flush();
  expect(saver.currentVersion).toBe(8);
  onServer = 1_000;
  const lost = new ReportSaver(blank, empty(101), port);
  lost.change({ findings: '右肺' });
  await expect(lost.flush()).rejects.toThrow(Problem);
  expect(port.save).toHaveBeenCalledTimes(3 + 4);
});

test('words that could not be sent for a while are not given up for another window’s', async () => {
  let online = false;
  const port = ports(async (version) => {
    if (!online) throw new Unreachable();
    return stale(version);
  }, { ...blank, findings: '另一窗口写的' });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '这里写的' });
  await vi.advanceTimersByTimeAsync(20_000);
  online = true;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(port.follow).not.toHaveBeenCalled();
  expect(port.changed).toHaveBeenLastCalledWith({ kind: 'overtaken', mine: { ...blank, findings: '这里写的' } });
  expect(port.keep).toHaveBeenLastCalledWith(expect.objectContaining({ report: { ...blank, findings: '这里写的' } }));
});

test('words that a closed window had kept may have arrived from there: what is typed after them is no other opinion', async () => {
  const kept = { ...blank, findings: '右肺' };
  const port = ports(async (version) => {
    if (version === 1) throw new Problem(409, { type: '/problems/conflict' });
    return { version: version + 1 };
  }, kept);
  const saver = new ReportSaver(kept, empty(1), port);
  saver.change({ findings: '右肺结节' });
  await saver.flush();
  expect(port.save).toHaveBeenLastCalledWith(9, { ...kept, findings: '右肺结节' });
  expect(port.changed).toHaveBeenLastCalledWith({ kind: 'saved', at: 0 });
});

test('a version that grew by a step of this page, with the same words, is saved over at once', async () => {
  const port = ports(async (version) => {
    if (version < 5) throw new Problem(409, { type: '/problems/conflict' });
    return { version: version + 1 };
  });
  const saver = new ReportSaver(blank, empty(1), port);
  expect(saver.heard({ version: 5, report: { ...blank, displayed: ['1.2.3'] } })).toBe(true);
  expect(saver.isIdle, 'there is nothing to send').toBe(true);
  saver.saw(['1.2.4']);
  await saver.flush();
  expect(port.save, 'with what another window has displayed').toHaveBeenCalledExactlyOnceWith(5, { ...blank, displayed: ['1.2.3', '1.2.4'] });
  expect(saver.heard({ version: 3, report: null }), 'what was heard late takes nothing back').toBe(true);
  expect(saver.currentVersion).toBe(6);
  expect(saver.heard({ version: 9, report: { ...blank, findings: '同事写的' } })).toBe(false);
  expect(saver.currentVersion).toBe(6);
});

test('what another window has displayed meanwhile stays', async () => {
  const port = ports(stale, { ...blank, displayed: ['1.2.9'] });
  const saver = new ReportSaver(blank, empty(1), port);
  saver.change({ findings: '右肺' });
  saver.saw(['1.2.3']);
  await saver.flush();
  expect(port.save).toHaveBeenLastCalledWith(9, { ...blank, findings: '右肺', displayed: ['1.2.3', '1.2.9'] });
});

test('while it is being signed, an image that comes to the screen changes nothing; afterwards it is noted', async () => {
  const port = ports(async () => ({ version: 2 }));
  const saver = new ReportSaver(blank, empty(1), port);
  port.isHeld.mockReturnValue(true);
  saver.saw(['1.2.3']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(port.save).not.toHaveBeenCalled();
  port.isHeld.mockReturnValue(false);
  saver.resume();
  await vi.advanceTimersByTimeAsync(800);
  expect(port.save).toHaveBeenCalledExactlyOnceWith(1, { ...blank, displayed: ['1.2.3'] });
  saver.saw(['1.2.3']);
  saver.resume();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(port.save).toHaveBeenCalledOnce();
});

test('into what was signed no image is noted any more, but words that were typed are not lost', async () => {
  const port = ports(async () => ({ version: 2 }));
  const signed = new ReportSaver(blank, empty(1), port);
  signed.saw(['1.2.3']);
  signed.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(port.save).not.toHaveBeenCalled();
  const taken = new ReportSaver(blank, empty(1), port);
  taken.saw(['1.2.3']);
  taken.change({ findings: '右肺' });
  taken.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(port.save).toHaveBeenCalledOnce();
  const left = new ReportSaver(blank, empty(2), port);
  left.saw(['1.2.3']);
  left.stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(port.save).toHaveBeenCalledTimes(2);
});
