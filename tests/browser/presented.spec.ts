/** Presentation states in the viewer, held against the picture that the node makes of the same state. */
import type { Page } from '@playwright/test';
import { store, type Made } from './made.ts';
import { drag, onCpu, withoutCard } from './onImages.ts';
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

const ways = ['the graphics card', 'the processor'] as const;

for (const draws of ways) {
  test(`window, turn, mirror, inversion, shutters and area are those of the picture that the node makes, drawn by ${draws}`, async ({ person }) => {
    const made = await store('presented');
    const page = await person('township');
    if (draws === 'the processor') await withoutCard(page);
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
    await shot(page, draws === 'the processor' ? 'presented-cpu' : 'presented');

    // What is hidden can be looked at; what the reader has turned comes back to the state.
    await page.keyboard.press('Shift+O');
    await expect(page.getByTestId('shutters')).toHaveCount(0);
    const zoom = await page.getByText(/^缩放 \d+%$/).textContent();
    await page.keyboard.press('r');
    await page.keyboard.press('x');
    await expect(page.getByText(/^缩放 \d+%$/)).toHaveText(zoom ?? '');
  });
}

test('what of a state cannot be done is said', async ({ person }) => {
  const made = await store('unpresentable');
  const page = await person('township');
  await open(page, made);
  await expect(page.getByText('显示状态的位图遮挡不能显示')).toBeVisible();
  await expect(page.getByText('不知道屏幕像素大小，未按实际尺寸显示')).toBeVisible();
  await expect(page.getByText('显示状态的灰阶查找表有损坏或与图像不符，未应用，灰度可能不同')).toBeVisible();
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

/** The greys of the blocks of an image of `made.py tables`: that of value v is the one at place v. */
type Blocks = number[];

/** As they are on the screen. The image fills its height or its width, and is in its middle. */
async function onScreen(page: Page): Promise<Blocks> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('[data-testid="viewport"] canvas');
    const pen = canvas?.getContext('2d');
    if (!canvas || !pen) return [];
    const side = Math.min(canvas.width, canvas.height);
    const { data } = pen.getImageData((canvas.width - side) / 2, (canvas.height - side) / 2, side, side);
    const middle = (block: number) => Math.floor(((block + 0.5) / 64) * side);
    return Array.from({ length: 4096 }, (_, value) => data[(middle(Math.floor(value / 64)) * side + middle(value % 64)) * 4] ?? -1);
  });
}

/** As the node draws them, pixel by pixel. */
async function drawnByNode(page: Page, made: Made, at: number): Promise<Blocks> {
  const answer = await page.request.get(`/dicom-web/orgs/${made.org}/studies/${made.study}/series/${made.series[at]}/instances/${made.instances[at]}/rendered`, {
    headers: { Accept: 'image/png' },
  });
  expect(answer.ok(), answer.ok() ? '' : await answer.text()).toBe(true);
  const places = Array.from({ length: 4096 }, (_, value) => [((value % 64) + 0.5) / 64, (Math.floor(value / 64) + 0.5) / 64] as const);
  return greys(page, (await answer.body()).toString('base64'), [0, 0, 1, 1], places);
}

const inverted = (blocks: Blocks): Blocks => blocks.map((grey) => 255 - grey);

async function expectGreys(page: Page, expected: Blocks): Promise<void> {
  expect(new Set(expected).size, 'a picture of many greys').toBeGreaterThan(100);
  await expect
    .poll(async () => {
      const mine = await onScreen(page);
      return Math.max(...expected.map((grey, at) => Math.abs(grey - (mine[at] ?? -1))));
    }, patient)
    .toBeLessThanOrEqual(1);
}

async function openTables(page: Page, made: Made): Promise<void> {
  await page.goto(`/studies/${made.org}/${made.study}`);
  await expect(screenOf(page)).toHaveAttribute('data-shown', 'true', patient);
}

for (const draws of ways) {
  test(`each image has the greys of its own tables, drawn by ${draws}`, async ({ person }) => {
    const made = await store('tables');
    const page = await person('township');
    if (draws === 'the processor') await withoutCard(page);
    await openTables(page, made);
    await expect(page.getByText(onCpu)).toHaveCount(draws === 'the processor' ? 1 : 0);
    const window = page.getByTestId('window');
    const node = (at: number) => drawnByNode(page, made, at);
    const [normal, low] = [await node(0), await node(1)];

    // It opens with its first table; the list has the second.
    await expect(window).toHaveText('LUT NORMAL', patient);
    await expectGreys(page, normal);
    await shot(page, draws === 'the processor' ? 'table-cpu' : 'table');
    await page.getByRole('button', { name: '窗位预设' }).click();
    await page.getByRole('menuitem', { name: 'LUT HARD' }).click();
    await expect(window).toHaveText('LUT HARD');
    // That is the table of the second image, of which low is white.
    await expectGreys(page, inverted(low));
    await page.keyboard.press('i');
    await expectGreys(page, low);
    await page.keyboard.press('x');
    await expect(window).toHaveText('LUT NORMAL');
    await expectGreys(page, normal);

    // Dragging leaves the table, from the range in which something happens.
    await page.keyboard.press('2');
    await drag(page, screenOf(page), [0.5, 0.5], [0.52, 0.5]);
    await expect(window).toHaveText(/^W \d+ L 20\d\d$/);
    await page.keyboard.press('ArrowDown');
    await expect(page.getByTestId('slice')).toHaveText('图像 2 / 7', patient);
    await expect(window).toHaveText(/^W \d+ L 20\d\d$/);
    await page.keyboard.press('x');
    await expect(window).toHaveText('LUT HARD');
    await expectGreys(page, low);

    // Low is white in that image only, whichever way one comes to it. An image that names its VOI LUT Function has its window.
    await page.keyboard.press('ArrowDown');
    await expect(window).toHaveText('W 4096 L 2048', patient);
    await expectGreys(page, await node(2));
    await page.keyboard.press('ArrowUp');
    await expect(window).toHaveText('LUT HARD', patient);
    await expectGreys(page, low);
    await page.keyboard.press('ArrowDown');

    // A Modality LUT and a table as long as can be; signed values; a sigmoid.
    for (const [at, text] of [[3, 'LUT LONG'], [4, 'LUT 1'], [5, 'W 1500 L 2048']] as const) {
      await page.keyboard.press('ArrowDown');
      await expect(window).toHaveText(text, patient);
      await expectGreys(page, await node(at));
    }
    await page.keyboard.press('ArrowDown');
    await expect(page.getByText('图像自带的灰阶查找表有损坏，未应用')).toBeVisible(patient);
    await expect(window).toHaveText('W 4096 L 2048');
  });

  test(`a presentation state's tables are applied, drawn by ${draws}`, async ({ person }) => {
    const made = await store('presented-tables');
    const page = await person('township');
    if (draws === 'the processor') await withoutCard(page);
    await open(page, made);
    await expect(page.getByTestId('window')).toHaveText('LUT HARD', patient);
    await expect(page.getByText(/未应用/)).toHaveCount(0);
    const theirs = await drawnByNode(page, made, 1);
    await expectGreys(page, theirs);
    await page.keyboard.press('i');
    await expectGreys(page, inverted(theirs));
    await page.keyboard.press('x');
    await expectGreys(page, theirs);
    // The image's own table instead of the state's; the table of the presentation stays.
    await page.keyboard.press('1');
    await expect(page.getByTestId('window')).toHaveText('LUT NORMAL');
    await page.keyboard.press('x');
    await expect(page.getByTestId('window')).toHaveText('LUT HARD');
  });
}
