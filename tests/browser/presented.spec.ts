/** Presentation states in the viewer, held against the picture that the node makes of the same state. */
import type { Page } from '@playwright/test';
import { store, type Made } from './made.ts';
import { expect, pictureOf, shot, test } from './people.ts';

test.describe.configure({ timeout: 300_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });
const patient = { timeout: 90_000 };

const screenOf = (page: Page) => page.getByRole('img', { name: '影像', exact: true });

async function open(page: Page, made: Made): Promise<void> {
  await page.goto(`/studies/${made.org}/${made.study}`);
  await expect(screenOf(page)).toHaveAttribute('data-shown', 'true', patient);
  await expect(page.getByText('按显示状态 FOCUS')).toBeVisible(patient);
}

/** Greys at places of two pictures; each picture's part that is compared is given as shares of it. */
async function greys(page: Page, png: string, part: readonly [number, number, number, number], places: readonly (readonly [number, number])[]): Promise<number[]> {
  return page.evaluate(
    async ([data, [left, top, width, height], points]) => {
      const picture = new Image();
      picture.src = `data:image/png;base64,${data}`;
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
      const pen = canvas.getContext('2d');
      pen?.drawImage(picture, 0, 0);
      return points.map(([u, v]) => pen?.getImageData(Math.floor((left + u * width) * picture.width), Math.floor((top + v * height) * picture.height), 1, 1).data[0] ?? -1);
    },
    [png, part, places] as const,
  );
}

/** Not within a pixel and a half of where a shutter ends: there the one draws pixels, the other lines. */
function isNearEdge(u: number, v: number): boolean {
  // Turned by a quarter and mirrored, what is seen across is rows, and down is columns.
  const near = (row: number, column: number) => {
    const distance = Math.abs(Math.hypot(row - 49.5, column - 99.5) - 36);
    return distance < 1.5 || [20, 80].some((edge) => Math.abs(row - edge) < 1.5) || [60, 140].some((edge) => Math.abs(column - edge) < 1.5);
  };
  return [10 + u * 80, 90 - u * 80].some((row) => [50 + v * 100, 150 - v * 100].some((column) => near(row, column)));
}

test('window, turn, mirror, inversion, shutters and area are those of the picture that the node makes', async ({ person }) => {
  const made = await store('presented');
  const page = await person('township');
  await open(page, made);
  await expect(page.getByTestId('shutters')).toHaveCount(1);
  const rendered = await page.request.get(`/dicom-web/orgs/${made.org}/studies/${made.study}/series/${made.series[1]}/instances/${made.instances[1]}/rendered?viewport=640,800`, {
    headers: { Accept: 'image/png' },
  });
  expect(rendered.ok(), rendered.ok() ? '' : await rendered.text()).toBe(true);
  const theirs = (await rendered.body()).toString('base64');
  const places = Array.from({ length: 32 * 40 }, (_, at) => [((at % 32) + 0.5) / 32, (Math.floor(at / 32) + 0.5) / 40] as const).filter(
    // The ruler stands at the bottom.
    ([u, v]) => v < 0.9 && !isNearEdge(u, v),
  );
  const expected = await greys(page, theirs, [0, 0, 1, 1], places);
  expect(new Set(expected).size, 'a ramp and what is hidden').toBeGreaterThan(20);
  expect(expected.filter((grey) => grey === 255).length).toBeGreaterThan(100);

  await expect
    .poll(async () => {
      const box = await screenOf(page).boundingBox();
      if (box === null) return Infinity;
      // 80 across and 100 down, as high as the screen, in its middle.
      const share = (box.height * 0.8) / box.width;
      const mine = await greys(page, (await pictureOf(page, screenOf(page))).toString('base64'), [(1 - share) / 2, 0, share, 1], places);
      return Math.max(...mine.map((grey, at) => Math.abs(grey - (expected[at] ?? 0))));
    }, patient)
    .toBeLessThanOrEqual(6);
  await shot(page, 'presented');

  // What is hidden can be looked at; what the reader has turned comes back to the state.
  await page.keyboard.press('Shift+O');
  await expect(page.getByTestId('shutters')).toHaveCount(0);
  const zoom = await page.getByText(/^缩放 \d+%$/).textContent();
  await page.keyboard.press('r');
  await page.keyboard.press('x');
  await expect(page.getByText(/^缩放 \d+%$/)).toHaveText(zoom ?? '');
});

test('what of a state cannot be done is said', async ({ person }) => {
  const made = await store('unpresentable');
  const page = await person('township');
  await open(page, made);
  await expect(page.getByText('显示状态的位图遮挡不能显示')).toBeVisible();
  await expect(page.getByText('不知道屏幕像素大小，未按实际尺寸显示')).toBeVisible();
  await expect(page.getByText('显示状态的灰阶查找表未应用，灰度可能不同')).toBeVisible();
  await expect(page.getByText('显示状态里有标注不能显示，请在制作它的设备上查看')).toBeVisible();
  await expect(page.getByText('另有 1 个显示状态里的标注未显示：FIRST')).toBeVisible();
  // What stands in the middle of the display, and an ellipse, are there.
  const [box, label] = [await screenOf(page).boundingBox(), await page.locator('svg tspan', { hasText: '病灶' }).boundingBox()];
  if (box === null || label === null) throw new Error('they have no place on the page');
  expect(Math.abs(label.x - (box.x + box.width / 2))).toBeLessThan(8);
  expect(Math.abs(label.y - (box.y + box.height / 2))).toBeLessThan(24);
  await expect(page.locator('svg polygon')).toHaveCount(1);
  await shot(page, 'unpresentable');
  await expect(page.getByTestId('shutters')).toHaveCount(0);
});

test('a window that a state has for each image comes with the image, until the reader chooses another', async ({ person }) => {
  const made = await store('windows');
  const page = await person('township');
  await open(page, made);
  const window = page.getByTestId('window');
  await expect(window).toHaveText('W 300 L 50', patient);
  await page.keyboard.press('ArrowDown');
  await expect(window).toHaveText('W 301 L 150', patient);
  await page.keyboard.press('1');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByTestId('slice')).toHaveText('图像 3 / 3', patient);
  await expect(window).toHaveText('W 1500 L -600');
  await page.keyboard.press('x');
  await expect(window).toHaveText('W 302 L 250', patient);
});
