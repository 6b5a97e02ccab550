/** Segmentations over the images that they belong to: pixel by pixel where they should be, and never in the images themselves. */
import type { Locator, Page } from '@playwright/test';
import { store } from './made.ts';
import { expect, pictureOf, shot, test } from './people.ts';

test.describe.configure({ timeout: 600_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });
const patient = { timeout: 90_000 };

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}
interface Found {
  box: Box;
  /** Of the pixel in its middle: red, green, blue, opacity. */
  middle: number[];
}

/** What of the layer has a colour like this, in pixels of the page. */
async function coloured(layer: Locator, channel: 0 | 1 | 2): Promise<Found | null> {
  return layer.evaluate((canvas: HTMLCanvasElement, main) => {
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
    const at = (x: number, y: number) => [0, 1, 2, 3].map((one) => data[(y * canvas.width + x) * 4 + one] ?? 0);
    for (let y = 0; y < canvas.height; y += 1) {
      for (let x = 0; x < canvas.width; x += 1) {
        const pixel = at(x, y);
        if (pixel[3] === 0 || pixel.slice(0, 3).some((value, one) => one !== main && value > (pixel[main] ?? 0))) continue;
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
      }
    }
    if (right < 0) return null;
    const ratio = window.devicePixelRatio;
    return {
      box: { left: left / ratio, top: top / ratio, width: (right - left) / ratio, height: (bottom - top) / ratio },
      middle: at(Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)),
    };
  }, channel);
}

/** Where the screen is as bright as the window allows; nothing else on it is. */
async function bright(page: Page, where: Locator): Promise<Box> {
  const png = (await pictureOf(page, where)).toString('base64');
  return page.evaluate(async (data) => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${data}`;
    await picture.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
    const pen = canvas.getContext('2d');
    pen?.drawImage(picture, 0, 0);
    const rgba = pen?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
    for (let at = 0; at < rgba.length; at += 4) {
      if ((rgba[at] ?? 0) < 250 || (rgba[at + 1] ?? 0) < 250 || (rgba[at + 2] ?? 0) < 250) continue;
      const [x, y] = [(at / 4) % canvas.width, Math.floor(at / 4 / canvas.width)];
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
    }
    return { left, top, width: right - left, height: bottom - top };
  }, png);
}

async function goTo(page: Page, image: number): Promise<void> {
  await page.keyboard.press('Home');
  for (let step = 1; step < image; step += 1) await page.keyboard.press('ArrowDown');
  await expect(page.getByTestId('slice')).toHaveText(`图像 ${image} / 12`, patient);
}

function close(one: Box, other: Box, px: number): void {
  for (const side of ['left', 'top', 'width', 'height'] as const) expect(Math.abs(one[side] - other[side]), `${side}: ${one[side]} and ${other[side]}`).toBeLessThanOrEqual(px);
}

test('segments lie where they belong, in their colours, and can be switched off', async ({ person }) => {
  const made = await store('segments');
  const page = await person('township');
  await page.goto(`/studies/${made.org}/${made.study}`);
  const screen = page.getByRole('img', { name: '影像', exact: true });
  await expect(screen).toHaveAttribute('data-shown', 'true', patient);
  const list = page.getByTestId('segments');
  await expect(list.getByText('右上肺结节')).toBeVisible(patient);
  const layer = page.getByTestId('segment-layer');

  // Frames of 2350 bits: the third begins within a byte, and has its rectangle of 20 × 10 all the same.
  await goTo(page, 5);
  await expect(layer).toHaveAttribute('data-state', 'shown', patient);
  await expect(layer).toHaveAttribute('data-pixels', String(20 * 10 + 4 * 4));
  await expect(layer).toHaveAttribute('data-image', new RegExp(`/${made.instances[4]?.replaceAll('.', '\\.')}/frames/1$`));
  const [nodule, vessel] = [await coloured(layer, 0), await coloured(layer, 2)];
  if (nodule === null || vessel === null) throw new Error('a segment is not there');
  expect(nodule.middle[0]).toBeGreaterThan(200);
  expect(nodule.middle[3]).toBe(102);
  const pixel = nodule.box.width / 20;
  expect(pixel).toBeGreaterThan(4);
  close(vessel.box, { left: nodule.box.left + 30 * pixel, top: nodule.box.top + 25 * pixel, width: 4 * pixel, height: 4 * pixel }, 2);
  expect(Math.abs(nodule.box.height - 10 * pixel)).toBeLessThanOrEqual(2);
  await shot(page, 'segments');

  // The image itself is as it was, with its bright rectangle exactly under the segment.
  await page.keyboard.press('o');
  await expect(layer).toHaveCount(0);
  await expect(list.getByRole('switch', { name: '显示分割' })).toHaveAttribute('aria-checked', 'false');
  close(await bright(page, screen), nodule.box, 2);
  await page.keyboard.press('o');
  await expect(layer).toHaveAttribute('data-pixels', '216');

  // Turned with the image.
  await page.keyboard.press('r');
  await expect.poll(async () => ((await coloured(layer, 0))?.box.height ?? 0) / ((await coloured(layer, 0))?.box.width ?? 1), patient).toBeCloseTo(2, 1);
  await page.keyboard.press('x');

  await list.getByRole('switch', { name: '显示 血管' }).click();
  await expect(layer).toHaveAttribute('data-pixels', '200');
  await list.getByRole('slider', { name: '右上肺结节 的不透明度' }).fill('100');
  await expect.poll(async () => (await coloured(layer, 0))?.middle[3], patient).toBe(255);
  await list.getByRole('slider', { name: '右上肺结节 的不透明度' }).blur();

  // A share of one half, which no frame names: its place in the patient says where it belongs.
  await goTo(page, 2);
  await expect(layer).toHaveAttribute('data-pixels', '100', patient);
  expect((await coloured(layer, 1))?.middle[3]).toBe(51);
  await goTo(page, 1);
  await expect(layer).toHaveCount(0);
  await goTo(page, 11);
  await expect(layer).toHaveAttribute('data-pixels', '50', patient);

  // A click leads to the segment.
  await list.getByRole('button', { name: /右上肺结节/ }).click();
  await expect(page.getByTestId('slice')).toHaveText('图像 7 / 12', patient);
  await expect(layer).toHaveAttribute('data-pixels', '200', patient);

  await expect(list.getByText('在另一坐标系中，不能叠加到这个序列')).toHaveCount(1);
  await page.keyboard.press('m');
  await expect(page.getByText('分割只叠加在原始图像上，三平面中不显示')).toBeVisible(patient);
});

test('segments that do not come are said to be missing', async ({ person, tolerate }) => {
  tolerate(/ERR_FAILED/);
  const made = await store('segments');
  const page = await person('township');
  const segmentation = made.instances[12] ?? '';
  await page.route(new RegExp(`/instances/${segmentation.replaceAll('.', '\\.')}/frames/`), (route) => route.abort());
  await page.goto(`/studies/${made.org}/${made.study}`);
  await expect(page.getByTestId('segments').getByText('右上肺结节')).toBeVisible(patient);
  await goTo(page, 5);
  await expect(page.getByText('分割未能全部载入')).toBeVisible(patient);
  await expect(page.getByTestId('segment-layer')).toHaveAttribute('data-pixels', '0');
});
