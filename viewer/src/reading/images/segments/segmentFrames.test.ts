import { expect, test, vi } from 'vitest';
import { partsOf, SegmentFrames, type FetchFrames } from './segmentFrames';
import type { Segmentation } from './segmentation';

const of = (side: number): Segmentation => ({
  uid: '1',
  address: `/${side}`,
  name: '',
  coding: 'bits',
  bits: 1,
  most: 255,
  rows: side,
  columns: side,
  frameOfReference: '',
  segments: [],
  frames: [],
});
const small = of(8);
const wanted = (one: Segmentation, ...frames: number[]) => frames.map((frame) => ({ of: one, frame }));
const answering: FetchFrames = (one, frames) => Promise.resolve(frames.map((frame) => new Uint8Array((one.rows * one.columns) / 8).fill(frame)));
const settled = () => new Promise((done) => setTimeout(done));

test('parts are found though their pixels look like an empty line', () => {
  const text = (words: string) => [...new TextEncoder().encode(words)];
  const pixels = [13, 10, 13, 10, 45];
  const body = Uint8Array.from([...text('--b\r\nContent-Type: a\r\n\r\n'), ...pixels, ...text('\r\n--b\r\nContent-Type: a\r\n\r\n'), 1, 2, 3, 4, 5, ...text('\r\n--b--\r\n')]);
  expect(partsOf(body, 5, 2).map((part) => [...part])).toEqual([pixels, [1, 2, 3, 4, 5]]);
  expect(() => partsOf(body, 5, 3)).toThrow(RangeError);
  expect(() => partsOf(body.subarray(0, 26), 5, 1)).toThrow(RangeError);
});

test('what is on the screen is asked for at once, its neighbours together after it, nothing twice', async () => {
  const fetch = vi.fn(answering);
  const frames = new SegmentFrames(fetch);
  frames.want(wanted(small, 5), wanted(small, 6, 4, 7));
  frames.want(wanted(small, 5), wanted(small, 6, 4, 7));
  await settled();
  expect(fetch.mock.calls.map(([, numbers]) => numbers)).toEqual([[5], [6, 4, 7]]);
  expect(frames.get(small, 4)).toEqual(new Uint8Array(8).fill(4));
});

test('frames stay packed and within the budget; the ones used longest ago go', async () => {
  const frames = new SegmentFrames(answering, 24);
  frames.want(wanted(small, 1, 2, 3), []);
  await settled();
  frames.get(small, 1);
  frames.want(wanted(small, 4), []);
  await settled();
  expect(frames.size_bytes).toBe(24);
  expect([1, 2, 3, 4].map((frame) => frames.get(small, frame) !== undefined)).toEqual([true, false, true, true]);
});

test('a thousand slices of 512 × 512 are never more than the budget, and large frames come one by one', async () => {
  const fetch = vi.fn(answering);
  const frames = new SegmentFrames(fetch, 1024 * 1024);
  const large = of(512);
  frames.want([], wanted(large, ...Array.from({ length: 1000 }, (_, at) => at + 1)));
  await settled();
  expect(frames.size_bytes).toBeLessThanOrEqual(1024 * 1024);
  // A bit for each pixel: 32 of them in a request of a megabyte; each frame is asked for once.
  expect(fetch.mock.calls.flatMap(([, numbers]) => numbers)).toHaveLength(1000);
  expect(fetch.mock.calls[0]?.[1]).toHaveLength(32);
});

test('what failed says so, and is asked for again after a while', async () => {
  let now = 0;
  const fetch = vi.fn<FetchFrames>().mockRejectedValueOnce(new Error('the line is cut')).mockImplementation(answering);
  const frames = new SegmentFrames(fetch, 1024, () => now);
  frames.want(wanted(small, 1), []);
  await settled();
  expect(frames.get(small, 1)).toBe('failed');
  frames.want(wanted(small, 1), []);
  expect(fetch).toHaveBeenCalledTimes(1);
  now = 6_000;
  frames.want(wanted(small, 1), []);
  await settled();
  expect(frames.get(small, 1)).toEqual(new Uint8Array(8).fill(1));
});
