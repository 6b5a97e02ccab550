/** Overlay planes over the images that they belong to, held bit by bit against the picture that the node makes. */
import type { Page } from '@playwright/test';
import { store, type Made } from './made.ts';
import { expect, phone, pictureOf, shot, test } from './people.ts';

test.describe.configure({ timeout: 300_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });
const patient = { timeout: 90_000 };

const screenOf = (page: Page) => page.getByRole('img', { name: '影像', exact: true });
const layerOf = (page: Page) => page.getByTestId('overlay-layer');

async function open(page: Page, made: Made, series: number, frame = 1): Promise<void> {
  await page.goto(`/studies/${made.org}/${made.study}?series=${made.series[series]}&instance=${made.instances[series]}&frame=${frame}`);
  await expect(screenOf(page)).toHaveAttribute('data-shown', 'true', patient);
}

type Pixels = { columns: number; rows: number; greys: Uint8Array };

/** Greys of a picture. They come as a text of bytes: as a million numbers they would take seconds. */
async function read(page: Page, png: Buffer): Promise<Pixels> {
  const { bytes, ...size } = await page.evaluate(async (data) => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${data}`;
    await picture.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
    const pen = canvas.getContext('2d');
    pen?.drawImage(picture, 0, 0);
    const greys = pen?.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, at) => at % 4 === 0);
    return { columns: picture.width, rows: picture.height, bytes: new TextDecoder('x-user-defined').decode(greys) };
  }, png.toString('base64'));
  return { ...size, greys: Buffer.from(bytes, 'latin1') };
}

/** Which pixels the node draws white: nothing else in these images is. */
async function drawnByNode(page: Page, { org, study, series, instances }: Made, at: number, more = '', query = ''): Promise<Pixels> {
  const answer = await page.request.get(`/dicom-web/orgs/${org}/studies/${study}/series/${series[at]}/instances/${instances[at]}${more}/rendered${query}`, { headers: { Accept: 'image/png' } });
  expect(answer.ok(), answer.ok() ? '' : await answer.text()).toBe(true);
  return read(page, await answer.body());
}

const white = ({ greys }: Pixels) => Array.from(greys, (grey) => Number(grey >= 250)).join('');

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where the image is on the screen: it is nowhere black, and what is written in the corners is beside it. */
async function imageBox(page: Page): Promise<Box> {
  const { columns, rows, greys } = await read(page, await pictureOf(page, screenOf(page)));
  const ends = (count: number, at: (n: number) => number): [number, number] => {
    const seen = Array.from({ length: count }, (_, n) => n).filter((n) => (greys[at(n)] ?? 0) > 20);
    return [Math.min(...seen), Math.max(...seen) + 1];
  };
  const [left, right] = ends(columns, (x) => Math.floor(rows / 2) * columns + x);
  const [top, bottom] = ends(rows, (y) => y * columns + Math.floor(columns * 0.4));
  return { left, top, width: right - left, height: bottom - top };
}

type Way = (u: number, v: number) => [number, number];
const upright: Way = (u, v) => [u, v];

/** What is drawn at the middle of each pixel of an image, as opacities; `way` says where its shares are on the screen. */
async function opacities(page: Page, columns: number, rows: number, way: Way = upright): Promise<number[]> {
  const box = await imageBox(page);
  const places = Array.from({ length: columns * rows }, (_, at) => {
    const [u, v] = way(((at % columns) + 0.5) / columns, (Math.floor(at / columns) + 0.5) / rows);
    return [Math.floor(box.left + u * box.width), Math.floor(box.top + v * box.height)];
  });
  const bytes = await layerOf(page).evaluate((canvas: HTMLCanvasElement, text) => {
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const all = JSON.parse(text) as [number, number][];
    return new TextDecoder('x-user-defined').decode(Uint8Array.from(all, ([x, y]) => data[(y * canvas.width + x) * 4 + 3] ?? 0));
  }, JSON.stringify(places));
  return [...Buffer.from(bytes, 'latin1')];
}

const inked = (all: readonly number[]) => all.map((opacity) => Number(opacity > 0)).join('');

test('planes are drawn bit for bit as the node draws them, turn with the image, and can be taken away', async ({ person }) => {
  const made = await store('overlays');
  const page = await person('township');
  await open(page, made, 0);
  const node = await drawnByNode(page, made, 0);
  expect([node.columns, node.rows]).toEqual([200, 220]);
  const expected = white(node);
  // Both edges twice, the slope but for its first pixel, and of the region seven rows and six columns, some of them on the edge.
  const bits = [...expected].filter((one) => one === '1').length;
  expect(bits).toBe(2 * 200 + 2 * 218 + 198 + 7 * 6 - 6 - 6);

  await expect(layerOf(page)).toHaveAttribute('data-state', 'shown', patient);
  await expect.poll(async () => inked(await opacities(page, 200, 220)) === expected, patient).toBe(true);
  await shot(page, 'overlays');
  // The region lets the image be seen.
  expect((await opacities(page, 200, 220))[3 * 200 + 197]).toBe(102);

  await page.keyboard.press('r');
  await expect.poll(async () => inked(await opacities(page, 200, 220, (u, v) => [1 - v, u])) === expected, patient).toBe(true);
  await page.keyboard.press('x');
  await page.keyboard.press('h');
  await expect.poll(async () => inked(await opacities(page, 200, 220, (u, v) => [1 - u, v])) === expected, patient).toBe(true);
  await page.keyboard.press('x');

  const list = page.getByTestId('overlay-planes');
  await expect(list.getByText('感兴趣区 · 右上 · 120 像素 · 均值 1200.5 · 标准差 4.2')).toBeVisible();
  await list.getByRole('switch', { name: '显示 可疑区' }).click();
  await expect(layerOf(page)).toHaveAttribute('data-pixels', String(2 * 200 + 2 * 218 + 198));
  await page.getByRole('toolbar', { name: '图像工具' }).getByRole('button', { name: '叠加层' }).click();
  await expect(layerOf(page)).toHaveCount(0);
  await expect(list.getByRole('switch', { name: '显示叠加层' })).toHaveAttribute('aria-checked', 'false');
  await list.getByRole('switch', { name: '显示叠加层' }).click();
  await expect(layerOf(page)).toHaveCount(1);
});

test('planes of some frames lie over those, and bits in the pixels change no grey', async ({ person }) => {
  const made = await store('overlays');
  const page = await person('township');
  for (const [frame, pixels] of [[1, 0], [2, 200], [3, 16], [4, 0]] as const) {
    await open(page, made, 1, frame);
    await expect(layerOf(page)).toHaveAttribute('data-state', 'shown', patient);
    await expect(layerOf(page)).toHaveAttribute('data-pixels', String(pixels));
    const expected = white(await drawnByNode(page, made, 1, `/frames/${frame}`));
    await expect.poll(async () => inked(await opacities(page, 47, 50)) === expected, patient).toBe(true);
  }
  await expect(page.getByTestId('overlay-planes').getByText('不在此帧上')).toBeVisible();

  await open(page, made, 2);
  await expect(layerOf(page)).toHaveAttribute('data-pixels', String(2 * 200 + 2 * 218 + 198), patient);
  const expected = white(await drawnByNode(page, made, 2));
  await expect.poll(async () => inked(await opacities(page, 200, 220)) === expected, patient).toBe(true);
  // Without them the image is of one grey, as its twelve bits say.
  await page.getByTestId('overlay-planes').getByRole('switch', { name: '显示叠加层' }).click();
  await expect(layerOf(page)).toHaveCount(0);
  const [box, seen] = [await imageBox(page), await read(page, await pictureOf(page, screenOf(page)))];
  const inside = (x: number, y: number) => seen.greys[Math.floor(box.top + y * box.height) * seen.columns + Math.floor(box.left + x * box.width)] ?? 0;
  const greys = Array.from({ length: 200 }, (_, at) => inside((at + 0.5) / 200, (at + 0.5) / 220));
  expect(Math.max(...greys) - Math.min(...greys)).toBeLessThanOrEqual(1);
});

test('a state has the say which planes are seen, with bits of its own', async ({ person }) => {
  const made = await store('activated');
  const page = await person('township');
  await open(page, made, 0);
  await expect(page.getByText('按显示状态 FOCUS')).toBeVisible(patient);
  const expected = white(await drawnByNode(page, made, 1, '', '?viewport=200,220'));
  expect([...expected].filter((one) => one === '1')).toHaveLength(30 * 20 * 2);
  await expect(layerOf(page)).toHaveAttribute('data-pixels', String(30 * 20 * 2), patient);
  await expect.poll(async () => inked(await opacities(page, 200, 220)) === expected, patient).toBe(true);
  const list = page.getByTestId('overlay-planes');
  await expect(list.getByRole('switch', { checked: true })).toHaveCount(3);
  await expect(list.getByText('图形 · 来自显示状态')).toHaveCount(1);
  await expect(list.getByText('图形 · 显示状态没有启用它')).toHaveCount(2);
  await shot(page, 'overlays-activated');
  // What it leaves out is not out of reach.
  await list.getByRole('switch', { name: '显示 未启用' }).click();
  await expect(layerOf(page)).toHaveAttribute('data-pixels', String(30 * 20 * 2 + 2 * 200 + 2 * 218 + 198), patient);
});

test('planes that lie about themselves are said, and not drawn', async ({ person }) => {
  const made = await store('overlays');
  const page = await person('township');
  await open(page, made, 3);
  await expect(page.getByText('有叠加层（可能有标注）的描述有误或内容不全，未显示')).toBeVisible(patient);
  await expect(layerOf(page)).toHaveAttribute('data-pixels', '0');
  const list = page.getByTestId('overlay-planes');
  await expect(list.getByText('内容比所说的行列数少，没有显示')).toHaveCount(2, patient);
  await expect(list.getByText('没有说明大小，或大小不合理，不能显示')).toHaveCount(1);
  await expect(list.getByText('所指的像素位属于图像本身，不能显示')).toHaveCount(1);
  await shot(page, 'overlays-wrong');
});

test('planes that do not come are said to be missing, and are there once they come', async ({ person, tolerate }) => {
  tolerate(/ERR_FAILED/);
  const made = await store('overlays');
  const page = await person('township');
  const bulk = new RegExp('/bulkdata/60003000');
  await page.route(bulk, (route) => route.abort());
  await open(page, made, 0);
  await expect(page.getByText('叠加层未能载入')).toBeVisible(patient);
  await page.unroute(bulk);
  await expect(page.getByText('叠加层未能载入')).toHaveCount(0, patient);
  await expect(layerOf(page)).toHaveAttribute('data-state', 'shown');
});

test('on a telephone the image has most of the page, and what is written in its corners stands clear of the ruler', async ({ person }) => {
  const made = await store('overlays');
  const page = await person('township', phone);
  await open(page, made, 0);
  // However many series there are.
  expect((await screenOf(page).boundingBox())?.height).toBeGreaterThan(phone.height / 2);
  const ruler = await page.getByTestId('ruler').boundingBox();
  if (ruler === null) throw new Error('there is no ruler');
  for (const words of [page.getByTestId('slice'), page.getByText(/^缩放 \d+%$/), page.getByTestId('window')]) {
    const box = await words.boundingBox();
    if (box === null) throw new Error('it has no place on the page');
    const isClear = box.x + box.width <= ruler.x || ruler.x + ruler.width <= box.x || box.y + box.height <= ruler.y;
    expect(isClear, `${JSON.stringify(box)} beside ${JSON.stringify(ruler)}`).toBe(true);
  }
  await shot(page, 'overlays-telephone');
});
