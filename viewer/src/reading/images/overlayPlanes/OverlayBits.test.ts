import { afterEach, expect, test, vi } from 'vitest';
import { fetchBits, OverlayBits, type FetchBits, type Wanted } from './OverlayBits';
import type { OverlayPlane } from './plane';

const plane = (side: number, place: OverlayPlane['place'] = { in: 'bulk', address: '/x' }, key = '1/6000'): OverlayPlane => ({
  key,
  group: '6000',
  rows: side,
  columns: side,
  origin: [1, 1],
  frames: null,
  kind: 'graphics',
  label: '',
  description: '',
  region: { area: null, mean: null, deviation: null },
  place,
});
const wanted = (of: OverlayPlane, frame = 0): Wanted => ({ plane: of, frame, image: '/frames/1' });
const settled = () => new Promise((done) => setTimeout(done));

/** A server that has this value, and gives ranges of it. */
function serve(value: Uint8Array<ArrayBuffer>, takesRanges = true) {
  const asked = vi.fn((_: string, { headers }: { headers: Record<string, string> }) => {
    const [, from = '0', to = ''] = /bytes=(\d+)-(\d+)/.exec(headers['Range'] ?? '') ?? [];
    if (!takesRanges || headers['Range'] === undefined) return Promise.resolve(new Response(value));
    if (Number(from) >= value.length) return Promise.resolve(new Response('{}', { status: 416 }));
    return Promise.resolve(new Response(value.slice(Number(from), Number(to) + 1), { status: 206 }));
  });
  vi.stubGlobal('fetch', asked);
  return asked;
}
afterEach(() => vi.unstubAllGlobals());

test('of a value only the bytes of the frame come', async () => {
  const asked = serve(Uint8Array.of(0xff, 0x01, 0x02, 0x03));
  expect([...(await fetchBits(wanted(plane(3), 1)))]).toEqual([0b0000_0000, 0b1]);
  expect(asked.mock.calls[0]?.[1].headers).toMatchObject({ Range: 'bytes=1-2' });
  serve(Uint8Array.of(0xff, 0x01, 0x02, 0x03), false);
  expect([...(await fetchBits(wanted(plane(3), 1)))]).toEqual([0b0000_0000, 0b1]);
});

test('a value that is shorter than rows and columns say is no frame', async () => {
  serve(Uint8Array.of(1, 2));
  expect([...(await fetchBits(wanted(plane(5))))]).toEqual([]);
  expect([...(await fetchBits(wanted(plane(3), 9)))]).toEqual([]);
  expect([...(await fetchBits(wanted(plane(5, { in: 'metadata', base64: 'AQI=' }))))]).toEqual([]);
  expect([...(await fetchBits(wanted(plane(4, { in: 'metadata', base64: 'AQI=' }))))]).toEqual([1, 2]);
});

test('bits of pixels are cut out of the frame that the image shows', async () => {
  const text = (words: string) => [...new TextEncoder().encode(words)];
  serve(Uint8Array.from([...text('--b\r\n\r\n'), 0xff, 0x0f, 0x00, 0x10, 0x00, 0x10, 0x00, 0x00, ...text('\r\n--b--')]));
  expect([...(await fetchBits(wanted(plane(2, { in: 'pixels', bit: 12, bytesPerPixel: 2 }))))]).toEqual([0b0110]);
});

test('bits are asked for once, and those that lie about their size are told apart from those that did not come', async () => {
  let now = 0;
  const fetch = vi.fn<FetchBits>(({ plane: of }) => {
    if (of.key === 'cut') return Promise.reject(new Error('the line is cut'));
    return Promise.resolve(new Uint8Array(of.key === 'short' ? 0 : 8));
  });
  const all = new OverlayBits(fetch, () => now);
  const [sound, short, cut] = ['sound', 'short', 'cut'].map((key) => wanted(plane(8, undefined, key))) as [Wanted, Wanted, Wanted];
  all.want([sound, short, cut]);
  all.want([sound, short, cut]);
  await settled();
  expect(fetch).toHaveBeenCalledTimes(3);
  expect([sound, short, cut].map((one) => all.get(one))).toEqual([new Uint8Array(8), 'short', 'failed']);
  now = 6_000;
  all.want([sound, short, cut]);
  await settled();
  expect(fetch.mock.calls.slice(3).map(([{ plane: of }]) => of.key)).toEqual(['cut']);
});

test('however many images are turned through, the bits that are kept are never more than the budget', async () => {
  const all = new OverlayBits(({ plane: of }) => Promise.resolve(new Uint8Array((of.rows * of.columns) / 8)));
  // Of 8 MiB each, the most that a frame may take.
  for (let at = 0; at < 5; at += 1) all.want([wanted(plane(8192, undefined, `${at}`))]);
  await settled();
  expect(all.size_bytes).toBe(16 * 1024 * 1024);
});
