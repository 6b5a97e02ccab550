/** The slide viewer, as a pathologist uses it: what is said of a view is held against the pixels on the screen. */
import type { Locator, Page, Route } from '@playwright/test';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

const large = /结肠息肉切除/;
const mpp_um = 0.5;
const native = 20;

interface SlideJson {
  id: string;
  source: string;
  study_instance_uid: string;
  [key: string]: unknown;
}

function screenOf(page: Page): Locator {
  return page.getByRole('img', { name: '切片', exact: true });
}

async function expectSharp(page: Page, which = 0): Promise<void> {
  await expect(screenOf(page).nth(which)).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
}

async function openLarge(page: Page): Promise<void> {
  await page.goto('/slides');
  await page.getByRole('link', { name: large }).click();
  await expectSharp(page);
  await expect.poll(() => page.url()).toContain('zoom=');
}

/** Where the slide whose path the page has is, by the page's address. */
async function addressedView(page: Page): Promise<{ x: number; y: number; zoom: number; turn: number; mirror: boolean }> {
  const { searchParams } = new URL(page.url());
  const [x = NaN, y = NaN] = (searchParams.get('at') ?? '').split(',').map(Number);
  return { x, y, zoom: Number(searchParams.get('zoom')), turn: Number(searchParams.get('turn') ?? 0), mirror: searchParams.get('mirror') === '1' };
}

/** Waits until the address says what is expected of the view. */
async function expectView(page: Page, expected: Partial<Awaited<ReturnType<typeof addressedView>>>): Promise<void> {
  await expect
    .poll(async () => {
      const view = await addressedView(page);
      return Object.entries(expected).filter(([name, value]) => {
        const now = view[name as keyof typeof view];
        return typeof value === 'number' ? Math.abs(Number(now) - value) > Math.max(0.002, Math.abs(value) * 0.002) : now !== value;
      });
    })
    .toEqual([]);
}

/** Opens the large slide at a field of view. */
async function openAt(page: Page, search: string): Promise<void> {
  await page.goto(`${new URL(page.url()).pathname}?${search}`);
  await expectSharp(page);
}

async function box(of: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const found = await of.boundingBox();
  if (found === null) throw new Error('it has no place on the page');
  return found;
}

/** Micrometres of one screen pixel, as the scale bar has it. */
async function scaleBar_um_px(page: Page): Promise<number> {
  const text = (await page.getByTestId('scale').first().textContent()) ?? '';
  const { width } = await box(page.getByTestId('scale-bar').first());
  return lengthOf(text) / width;
}

/** `850 µm` and `1.25 mm` in micrometres. */
function lengthOf(text: string): number {
  const found = /([\d.]+)\s*(µm|mm)/.exec(text);
  if (found === null) throw new Error(`no length in ${text}`);
  return Number(found[1]) * (found[2] === 'mm' ? 1000 : 1);
}

/** Draws a straight line from the middle of the slide, by hand. @returns what the ruler says, in micrometres. */
async function ruled_um(page: Page, dx: number, dy: number): Promise<number> {
  const { x, y, width, height } = await box(screenOf(page));
  const middle = { x: x + width / 2, y: y + height / 2 };
  await page.keyboard.press('l');
  await page.mouse.move(middle.x, middle.y);
  await page.mouse.down();
  await page.mouse.move(middle.x + dx / 2, middle.y + dy / 2);
  await page.mouse.move(middle.x + dx, middle.y + dy);
  await page.mouse.up();
  const text = await page.getByTestId('measure-distance').last().textContent();
  await page.keyboard.press('Escape');
  return lengthOf(text ?? '');
}

/** The pixels of a square on the screen, as grey values row by row. */
async function patch(page: Page, centre: { x: number; y: number }, side = 40): Promise<number[]> {
  const png = await page.screenshot({ clip: { x: centre.x - side / 2, y: centre.y - side / 2, width: side, height: side }, timeout: 60_000 });
  return page.evaluate(
    async ([data, size]) => {
      const picture = new Image();
      picture.src = `data:image/png;base64,${data}`;
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size });
      const pen = canvas.getContext('2d');
      if (pen === null) throw new Error('no canvas');
      pen.drawImage(picture, 0, 0, size, size);
      const { data: rgba } = pen.getImageData(0, 0, size, size);
      return Array.from({ length: size * size }, (_, at) => ((rgba[4 * at] ?? 0) + (rgba[4 * at + 1] ?? 0) + (rgba[4 * at + 2] ?? 0)) / 3);
    },
    [png.toString('base64'), side] as const,
  );
}

/** Mean difference of two patches, in grey values. */
function difference(a: number[], b: number[]): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;
}

/** Changes what the server says of slides, on the way to the browser. */
async function withSlides(page: Page, change: (slides: SlideJson[]) => SlideJson[]): Promise<void> {
  const answer = async (route: Route) => {
    if (route.request().resourceType() === 'image') return route.fallback();
    const response = await route.fetch();
    const json = (await response.json()) as { slides: SlideJson[] } | SlideJson;
    if ('slides' in json && Array.isArray(json.slides)) return route.fulfill({ response, json: { ...json, slides: change(json.slides) } });
    const [changed] = change([json as SlideJson]);
    return route.fulfill({ response, json: changed });
  };
  await page.route(/\/api\/v1\/slides(\/[^/]+)?$/, answer);
}

/** Both demonstration slides as if they were of one study. */
function asOneCase(slides: SlideJson[]): SlideJson[] {
  return slides.map((slide) => ({ ...slide, study_instance_uid: '1.2.3' }));
}

test('objective buttons and keys reach their magnification, and say which is the scanner’s', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  for (const [index, objective] of [1, 2, 5, 10, 20, 40].entries()) {
    await page.keyboard.press(String(index + 1));
    const button = page.getByRole('button', { name: `${objective}×`, exact: true });
    await expect(button).toHaveAttribute('aria-pressed', 'true');
    const mark = objective === native ? 'native' : objective > native ? 'beyond' : undefined;
    expect(await button.evaluate((one) => (one as HTMLElement).dataset['mark'])).toBe(mark);
    await expectView(page, { zoom: objective / native });
    await expect(page.getByTestId('magnification')).toHaveText(`${objective}×`);
  }
  await expect(page.getByText('空放大')).toBeVisible();
  await page.getByRole('button', { name: '10×', exact: true }).click();
  await expectView(page, { zoom: 10 / native });
  await expect(page.getByText('空放大')).toHaveCount(0);
  await page.keyboard.press('7');
  await expect(page.getByRole('button', { name: '10×', exact: true })).toHaveAttribute('aria-pressed', 'false');
});

test('the scale bar and the ruler are true at every zoom and turn', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  for (const [zoom, turn] of [
    [0.25, 0],
    [0.25, 35],
    [0.5, 35],
    [1.3, 200],
  ] as const) {
    await openAt(page, `at=6000,4500&zoom=${zoom}&turn=${turn}`);
    expect(Math.abs((await scaleBar_um_px(page)) / (mpp_um / zoom) - 1), `scale bar at ${zoom}, ${turn}°`).toBeLessThan(0.01);
    const ruled = await ruled_um(page, 180, 135);
    expect(Math.abs(ruled / ((225 * mpp_um) / zoom) - 1), `ruler at ${zoom}, ${turn}°`).toBeLessThan(0.02);
  }
});

test('what was drawn stays on its tissue when the slide is turned and mirrored', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await openAt(page, 'at=3500,2600&zoom=0.5');
  const screen = await box(screenOf(page));
  const middle = { x: screen.x + screen.width / 2, y: screen.y + screen.height / 2 };
  const way = { x: 150, y: -90 };
  const before = await patch(page, { x: middle.x + way.x, y: middle.y + way.y });
  const side = Math.round(Math.sqrt(before.length));
  // A quarter turn clockwise: what was at (x, y) of the middle is at (−y, x).
  await openAt(page, 'at=3500,2600&zoom=0.5&turn=90');
  const turned = await patch(page, { x: middle.x - way.y, y: middle.y + way.x });
  const turnedBack = before.map((_, at) => turned[(at % side) * side + (side - 1 - Math.floor(at / side))] ?? 0);
  expect(difference(before, turnedBack), 'tissue after a quarter turn').toBeLessThan(12);
  // And mirrored: left and right of the screen have changed places.
  await openAt(page, 'at=3500,2600&zoom=0.5&mirror=1');
  const mirrored = await patch(page, { x: middle.x - way.x, y: middle.y + way.y });
  const mirroredBack = before.map((_, at) => mirrored[Math.floor(at / side) * side + (side - 1 - (at % side))] ?? 0);
  expect(difference(before, mirroredBack), 'tissue in the mirror').toBeLessThan(12);
  // A measurement goes along: its end lies where the same tissue now is.
  await openAt(page, 'at=3500,2600&zoom=0.5');
  await ruled_um(page, way.x, way.y);
  const end = page.getByTestId('measure-distance').locator('circle').last();
  const at = await box(end);
  expect(at.x + at.width / 2).toBeCloseTo(middle.x + way.x, -0.5);
  await page.keyboard.press('Shift+E');
  await expectView(page, { turn: 90 });
  await page.keyboard.press('m');
  await expectView(page, { turn: 90, mirror: true });
  await expect
    .poll(async () => {
      const now = await box(end);
      return Math.hypot(now.x + now.width / 2 - (middle.x + way.y), now.y + now.height / 2 - (middle.y + way.x));
    })
    .toBeLessThan(2);
});

test('a slide that is turned by any angle shows the same tissue in every tile', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  // At 1:1 about the same point, a turn and its sine and cosine say where each tissue must be.
  const screen = await box(screenOf(page));
  const middle = { x: screen.x + screen.width / 2, y: screen.y + screen.height / 2 };
  const places = [-480, -320, -160, 160, 320, 480].map((x) => ({ x, y: x / 4 }));
  await openAt(page, 'at=6000,4500&zoom=0.25');
  const greys: number[] = [];
  for (const place of places) greys.push(mean(await patch(page, { x: middle.x + place.x, y: middle.y + place.y }, 24)));
  for (const turn of [25, 155]) {
    await openAt(page, `at=6000,4500&zoom=0.25&turn=${turn}`);
    const [cos, sin] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
    for (const [index, { x, y }] of places.entries()) {
      const there = { x: middle.x + x * cos - y * sin, y: middle.y + x * sin + y * cos };
      if (there.y < screen.y + 60 || there.y > screen.y + screen.height - 60) continue;
      expect(Math.abs(mean(await patch(page, there, 24)) - (greys[index] ?? 0)), `place ${index} at ${turn}°`).toBeLessThan(14);
    }
  }
});

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test('the mitosis circle is 1 mm² at every zoom, and moves', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.1');
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  const circle = page.getByTestId('measure-circle');
  await expect(circle).toHaveText('1 mm²');
  const ring = circle.locator('ellipse').last();
  for (const press of ['3', '2', 'e', '+']) {
    await page.keyboard.press(press);
    await page.waitForLoadState('networkidle');
    await expect
      .poll(async () => {
        const radii = await ring.evaluate((one) => [Number(one.getAttribute('rx')), Number(one.getAttribute('ry'))]);
        return Math.abs((Math.PI * (radii[0] ?? 0) * (radii[1] ?? 0) * (await scaleBar_um_px(page)) ** 2) / 1_000_000 - 1);
      })
      .toBeLessThan(0.02);
  }
  const handle = circle.locator('circle');
  const from = await box(handle);
  await page.mouse.move(from.x + 6, from.y + 6);
  await page.mouse.down();
  await page.mouse.move(from.x + 60, from.y + 30);
  await page.mouse.move(from.x + 106, from.y + 56);
  await page.mouse.up();
  const to = await box(handle);
  expect(to.x - from.x).toBeCloseTo(100, -0.5);
  expect(to.y - from.y).toBeCloseTo(50, -0.5);
  await shot(page, 'slide-mitosis');
  await page.keyboard.press('Delete');
  await expect(circle).toHaveCount(0);
});

test('angles and areas are measured by keyboard alone', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.5');
  await page.keyboard.press('f');
  for (const way of ['ArrowRight', 'ArrowDown', 'ArrowLeft', null]) {
    await page.keyboard.press('Enter');
    if (way === null) continue;
    const before = await addressedView(page);
    await page.keyboard.press(way);
    await expect.poll(async () => Math.hypot((await addressedView(page)).x - before.x, (await addressedView(page)).y - before.y)).toBeCloseTo(240, -0.5);
  }
  await page.keyboard.press('Enter');
  // Four corners 240 slide pixels apart: 120 µm square.
  await expect(page.getByTestId('measure-area')).toContainText('0.0144 mm²');
  await expect(page.getByTestId('measure-area')).toContainText('480 µm');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Backspace');
  await expect(page.getByTestId('measure-area')).toHaveCount(0);
});

test('a slide without pixel size has no scale, relative zoom, and measures pixels', async ({ person }) => {
  const page = await person('township');
  await withSlides(page, (slides) => slides.map((slide) => ({ ...slide, mpp_um: null, objective: null })));
  await openLarge(page);
  await expect(page.getByText('扫描仪没有给出像素大小')).toBeVisible();
  await expect(page.getByRole('button', { name: '20×', exact: true })).toHaveCount(0);
  await expect(page.getByRole('button', { name: '1 mm² 圆' })).toBeDisabled();
  await page.getByRole('button', { name: '50%', exact: true }).click();
  await expectView(page, { zoom: 0.5 });
  await page.keyboard.press('l');
  const { x, y, width, height } = await box(screenOf(page));
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2 + 60, y + height / 2 + 80);
  await page.mouse.up();
  await expect(page.getByTestId('measure-distance')).toHaveText('200 px');
  await shot(page, 'slide-no-scale');
});

test('an address brings the same field of view back, and the link is copied', async ({ person }) => {
  const page = await person('township');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await openLarge(page);
  await openAt(page, 'at=5000,3000&zoom=0.5');
  for (const press of ['e', 'e', 'm', 'ArrowRight']) await page.keyboard.press(press);
  await expectView(page, { turn: 10, mirror: true, zoom: 0.5 });
  await expect.poll(async () => (await addressedView(page)).x).not.toBe(5000);
  await page.getByRole('button', { name: '复制链接' }).click();
  await expect(page.getByText('链接已复制')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toBe(page.url());
  await expectSharp(page);
  const { x, y, width, height } = await box(screenOf(page));
  const centre = { x: x + width / 2, y: y + height / 2 };
  const before = await patch(page, centre, 120);
  await page.goto('/slides');
  await page.goto(link);
  await expectSharp(page);
  expect(difference(before, await patch(page, centre, 120)), 'the same picture').toBeLessThan(3);
  await page.goBack();
  await expect(page.getByRole('link', { name: large })).toBeVisible();
});

test('the overview frames what is seen and goes where it is pressed', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.5&turn=30');
  const overview = page.getByRole('img', { name: '全景' });
  const corners = await page.getByTestId('view-frame').evaluate((frame) => [...(frame as SVGPolygonElement).points].map(({ x, y }) => ({ x, y })));
  const middle = { x: corners.reduce((sum, { x }) => sum + x, 0) / 4, y: corners.reduce((sum, { y }) => sum + y, 0) / 4 };
  expect(middle.x).toBeCloseTo(6000, -1);
  expect(middle.y).toBeCloseTo(4500, -1);
  const screen = await box(screenOf(page));
  const [first, second] = corners as [{ x: number; y: number }, { x: number; y: number }];
  expect(Math.hypot(second.x - first.x, second.y - first.y)).toBeCloseTo(screen.width / 0.5, -1);
  const { x, y, width, height } = await box(overview);
  await page.mouse.move(x + width * 0.25, y + height * 0.25);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.4, y + height * 0.3);
  await page.mouse.move(x + width * 0.5, y + height * 0.4);
  await page.mouse.up();
  await expect.poll(async () => Math.abs((await addressedView(page)).x - 6000)).toBeLessThan(120);
  await expect.poll(async () => Math.abs((await addressedView(page)).y - 3600)).toBeLessThan(120);
});

test('the tray shows the case’s slides, and Tab goes through them', async ({ person }) => {
  const page = await person('township');
  await withSlides(page, asOneCase);
  await openLarge(page);
  const tray = page.getByRole('navigation', { name: '切片盘' });
  await expect(tray.getByRole('button')).toHaveCount(2);
  const current = tray.locator('[aria-current]');
  await expect(current).toContainText('generated-pyramid');
  await page.keyboard.press('Tab');
  await expect(current).toContainText('CMU-1-Small-Region');
  await expectSharp(page);
  await shot(page, 'slide-tray');
  await page.keyboard.press('Shift+Tab');
  await expect(current).toContainText('generated-pyramid');
  // Whoever wants the focus elsewhere has F6, and from a control Tab is the browser's.
  await page.keyboard.press('F6');
  await expect(page.getByRole('toolbar', { name: '切片工具' }).getByRole('button').first()).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(current).toContainText('generated-pyramid');
  await page.goBack();
  await expect(current).toContainText('CMU-1-Small-Region');
});

test('two slides move as one from where they were aligned by hand', async ({ person }) => {
  const page = await person('township');
  await withSlides(page, asOneCase);
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.5');
  await page.keyboard.press('s');
  await expect(screenOf(page)).toHaveCount(2);
  await expectSharp(page, 1);
  const frame = (index: number) =>
    page
      .getByTestId('view-frame')
      .nth(index)
      .evaluate((one) => {
        const [a, b, c] = [...(one as SVGPolygonElement).points] as [DOMPoint, DOMPoint, DOMPoint];
        return { x: (a.x + c.x) / 2, y: (a.y + c.y) / 2, across: Math.hypot(b.x - a.x, b.y - a.y), turn: (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI };
      });
  // Let go, and move and turn the right one alone.
  await page.keyboard.press('k');
  const right = await box(screenOf(page).nth(1));
  const leftBefore = await frame(0);
  await page.mouse.click(right.x + 40, right.y + 200);
  for (const press of ['e', 'e', 'ArrowRight']) await page.keyboard.press(press);
  await expect.poll(async () => Math.round((await frame(1)).turn)).toBe(-10);
  expect(await frame(0)).toEqual(leftBefore);
  await page.keyboard.press('k');
  const rightLocked = await frame(1);
  // Locked: the left one leads, the right one keeps its ten degrees and its place.
  const left = await box(screenOf(page).nth(0));
  await page.mouse.click(left.x + 40, left.y + 200);
  await page.keyboard.press('ArrowDown');
  await expect.poll(async () => Math.round((await frame(0)).y - leftBefore.y)).toBe(240);
  const moved = await frame(1);
  const [cos, sin] = [Math.cos((10 * Math.PI) / 180), Math.sin((10 * Math.PI) / 180)];
  // 120 screen pixels down are 240 slide pixels, turned back by ten degrees on the right slide (same µm per pixel).
  const scale = moved.across / (await frame(0)).across;
  expect(moved.x - rightLocked.x).toBeCloseTo(240 * scale * sin, -0.7);
  expect(moved.y - rightLocked.y).toBeCloseTo(240 * scale * cos, -0.7);
  await page.keyboard.press('e');
  await expect.poll(async () => Math.round((await frame(1)).turn)).toBe(-15);
  await shot(page, 'slide-side-by-side');
  await page.keyboard.press('Escape');
  await expect(screenOf(page)).toHaveCount(1);
});

test('brightness, contrast and gamma are the person’s own, and said', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await page.getByRole('button', { name: '亮度、对比度、色彩' }).click();
  await page.getByRole('slider', { name: '亮度' }).focus();
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('ArrowRight');
  await page.getByRole('slider', { name: '伽马' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByText('显示已调整，非原始图像')).toBeVisible();
  await expect(screenOf(page)).toHaveAttribute('style', /brightness\(1\.2\) url\(/);
  await shot(page, 'slide-picture');
  await page.reload();
  await expectSharp(page);
  await expect(screenOf(page)).toHaveAttribute('style', /brightness\(1\.2\)/);
  await page.keyboard.press('i');
  await expect(page.getByText('显示已调整，非原始图像')).toHaveCount(0);
  await expect(screenOf(page)).toHaveAttribute('style', /filter: none/);
});

test('colours by ICC profile are asked of the server, off at first, and labelled', async ({ person }) => {
  const page = await person('township');
  await withSlides(page, (slides) => slides.map((slide) => ({ ...slide, has_icc_profile: true })));
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/tiles/')) asked.push(request.url());
  });
  await openLarge(page);
  expect(asked.some((url) => url.includes('icc='))).toBe(false);
  await page.getByRole('button', { name: '亮度、对比度、色彩' }).click();
  await page.getByRole('switch', { name: '按 ICC 转换到 sRGB' }).check({ force: true });
  await expect(page.getByText('sRGB：转换后的图像')).toBeVisible();
  await expect.poll(() => asked.some((url) => url.endsWith('?icc=srgb'))).toBe(true);
  await expectSharp(page);
  await expect.poll(() => page.url()).toContain('icc=srgb');
});

test('focal planes and channels are asked for by name', async ({ person }) => {
  const page = await person('township');
  const channel = (path: string, color: string, description: string) => ({
    path,
    description,
    color,
    wavelength_nm: null,
    illumination: null,
    window: { low: 0, high: 255 },
    bits: 8,
    is_default: path === '1',
  });
  await withSlides(page, (slides) =>
    slides.map((slide) => ({
      ...slide,
      focal_planes: ['-1.5', '0', '1.5'].map((z) => ({ z, z_um: Number(z), is_default: z === '0' })),
      channels: [channel('1', '0000FF', 'DAPI'), channel('2', '00FF00', 'FITC')],
      composition: '1:0000FF:0-255,2:00FF00:0-255',
    })),
  );
  const asked: URLSearchParams[] = [];
  await page.route(/\/tiles\//, (route) => {
    const url = new URL(route.request().url());
    asked.push(url.searchParams);
    // The node of this test has neither plane nor channel to show: it is the asking that is looked at.
    return route.continue({ url: url.origin + url.pathname });
  });
  await openLarge(page);
  expect(asked.at(-1)?.get('channels')).toBe('1:0000FF:0-255,2:00FF00:0-255');
  await page.keyboard.press(']');
  await expect.poll(() => asked.at(-1)?.get('z')).toBe('1.5');
  await expect(page.getByText('+1.5 µm')).toBeVisible();
  const { x, y } = await box(screenOf(page));
  await page.mouse.move(x + 300, y + 300);
  await page.keyboard.down('Alt');
  await page.mouse.wheel(0, 100);
  await page.mouse.wheel(0, 100);
  await page.keyboard.up('Alt');
  await expect.poll(() => asked.at(-1)?.get('z')).toBe('-1.5');
  await page.getByRole('button', { name: '通道' }).click();
  await page.getByRole('switch', { name: 'FITC' }).uncheck({ force: true });
  await expect.poll(() => asked.at(-1)?.get('channels')).toBe('1:0000FF:0-255');
  await expect(page.getByRole('switch', { name: 'DAPI' })).toBeDisabled();
  await expect.poll(() => new URL(page.url()).searchParams.get('plane')).toBe('-1.5');
  await shot(page, 'slide-channels');
});

test('nobody has to drag: edge, space bar and game controller move the slide', async ({ person }) => {
  const page = await person('township');
  await page.addInitScript(() => {
    const pad = {
      id: 'a pad for tests',
      index: 0,
      connected: true,
      mapping: 'standard',
      timestamp: 0,
      axes: [0, 0, 0, 0],
      buttons: Array.from({ length: 17 }, () => ({ pressed: false, touched: false, value: 0 })),
    };
    let plugged = false;
    Object.assign(window, {
      testPad: {
        plug: () => {
          plugged = true;
          window.dispatchEvent(new Event('gamepadconnected'));
        },
        set: (axes: number[], down: number[]) => {
          pad.axes = axes;
          pad.buttons = pad.buttons.map((_, index) => ({ pressed: down.includes(index), touched: false, value: down.includes(index) ? 1 : 0 }));
        },
      },
    });
    navigator.getGamepads = () => (plugged ? [pad as unknown as Gamepad] : []);
  });
  interface TestPad {
    plug: () => void;
    set: (axes: number[], down: number[]) => void;
  }
  const hold = (axes: number[], down: number[] = []) =>
    page.evaluate(([sticks, buttons]) => (window as unknown as { testPad: TestPad }).testPad.set([...sticks], [...buttons]), [axes, down] as const);
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.5');
  const { x, y, width, height } = await box(screenOf(page));

  await page.mouse.move(x + width / 2, y + height / 2);
  await page.keyboard.down(' ');
  await page.mouse.move(x + width / 2 - 100, y + height / 2, { steps: 4 });
  await page.keyboard.up(' ');
  await expectView(page, { x: 6200, y: 4500 });
  await page.mouse.move(x + width / 2 + 100, y + height / 2, { steps: 4 });
  await expectView(page, { x: 6200 });

  await page.mouse.move(x + 10, y + height / 2);
  await page.waitForLoadState('networkidle');
  await expectView(page, { x: 6200 });
  await page.getByRole('button', { name: '移动方式' }).click();
  await page.getByRole('switch', { name: '鼠标靠近边缘时移动' }).check({ force: true });
  await page.keyboard.press('Escape');
  await page.mouse.move(x + 300, y + height / 2);
  await page.mouse.move(x + 10, y + height / 2);
  await expect.poll(async () => (await addressedView(page)).x, { message: 'the edge moves the slide' }).toBeLessThan(6190);
  await page.mouse.move(x + width / 2, y + height / 2);

  const before = await addressedView(page);
  await page.evaluate(() => (window as unknown as { testPad: TestPad }).testPad.plug());
  await hold([0, 1, 0, 0]);
  const down = page.getByTestId('view-frame');
  const top = await down.getAttribute('points');
  await expect(down).not.toHaveAttribute('points', top ?? '');
  await hold([0, 0, 0, 0]);
  await expect.poll(async () => (await addressedView(page)).y, { message: 'the stick moves the slide' }).toBeGreaterThan(before.y);
  await hold([0, 0, 0, 0], [5]);
  await expectView(page, { zoom: 1 });
  await hold([0, 0, 0, 0]);
  await hold([0, 0, 0, 0], [4]);
  await expectView(page, { zoom: 0.5 });
});

test('a cut line is said and mended, and an ended session asks for the password in between', async ({ person, tolerate }) => {
  tolerate(/net::ERR_|failed to load|status of 401/);
  const page = await person('township');
  await openLarge(page);
  let cut = true;
  await page.route(/\/tiles\//, (route) => (cut ? route.abort('connectionfailed') : route.fallback()));
  await page.keyboard.press('4');
  await expect(page.getByText('部分图像没有取到，正在重试…')).toBeVisible();
  await expect(screenOf(page)).toHaveAttribute('data-sharp', 'false');
  cut = false;
  await expect(page.getByText('部分图像没有取到，正在重试…')).toHaveCount(0, { timeout: 30_000 });
  await expectSharp(page);

  await page.context().clearCookies();
  await page.keyboard.press('5');
  await expect(page.getByRole('dialog').getByLabel('密码', { exact: true })).toBeVisible();
});

test('a slide that one may not see is not there', async ({ person, tolerate }) => {
  tolerate(/status of 404/);
  const page = await person('township');
  await page.goto('/slides/00000000-0000-7000-8000-000000000000');
  await expect(page.getByRole('alert')).toContainText('没有找到');
});

test('a tablet pinches, and a phone may look', async ({ person }) => {
  const page = await person('township', { width: 1024, height: 768 });
  await openLarge(page);
  for (const button of await page.getByRole('toolbar', { name: '切片工具' }).getByRole('button').all()) {
    const { width, height } = await box(button);
    expect(Math.min(width, height), (await button.getAttribute('aria-label')) ?? '').toBeGreaterThanOrEqual(44);
  }
  await shot(page, 'slide-tablet');
  const before = await addressedView(page);
  const { x, y, width, height } = await box(screenOf(page));
  const middle = { x: x + width / 2, y: y + height / 2 };
  const fingers = await page.context().newCDPSession(page);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', apart: number) =>
    fingers.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: type === 'touchEnd' ? [] : [-1, 1].map((side, id) => ({ x: middle.x + side * apart, y: middle.y, id })),
    });
  await touch('touchStart', 60);
  for (const apart of [80, 100, 120, 150, 180]) await touch('touchMove', apart);
  await touch('touchEnd', 0);
  await expect.poll(async () => (await addressedView(page)).zoom / before.zoom).toBeGreaterThan(1.5);

  const small = await person('township', phone);
  await openLarge(small);
  await expectNoSidewaysScroll(small);
  await shot(small, 'slide-phone');
});

test('a slide opens and moves as fast as a pathologist', async ({ person }) => {
  const page = await person('township');
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
  const opened: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await page.goto('/slides');
    await expect(page.getByRole('link', { name: large })).toBeVisible();
    await page.waitForLoadState('networkidle');
    await page.getByRole('link', { name: large }).click();
    await expectSharp(page);
    opened.push(await page.evaluate(() => performance.getEntriesByName('farsight:slide-sharp', 'measure').at(-1)?.duration ?? NaN));
  }
  await openAt(page, 'at=2500,2500&zoom=0.5');
  const changed: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    changed.push(await fieldOfViewChange_ms(page));
    await expectSharp(page);
  }
  console.log(`open to sharp: median ${Math.round(median(opened))} ms of ${opened.map(Math.round).join(', ')}`);
  console.log(`one field of view further to sharp: median ${Math.round(median(changed))} ms of ${changed.map(Math.round).join(', ')}`);
  expect(median(opened)).toBeGreaterThan(0);
  expect(median(changed)).toBeGreaterThan(0);
});

/** From the press that moves the slide by most of a screen until all of it is sharp again, gliding included. */
async function fieldOfViewChange_ms(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const screen = document.querySelector('[data-sharp]');
    if (screen === null) throw new Error('no slide');
    const start = performance.now();
    for (let step = 0; step < 6; step += 1) document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
    const next = () => new Promise((done) => requestAnimationFrame(done));
    let wasBlurred = false;
    while (performance.now() - start < 20_000) {
      await next();
      const isSharp = screen.getAttribute('data-sharp') === 'true';
      if (!isSharp) wasBlurred = true;
      if (isSharp && wasBlurred) return performance.now() - start;
      if (isSharp && performance.now() - start > 3_000) return performance.now() - start;
    }
    return Number.NaN;
  });
}

test('everything of a slide is there in English and in light', async ({ person }) => {
  const page = await person('reader');
  await page.getByRole('button', { name: /的菜单/ }).click();
  await page.getByRole('menuitem', { name: 'English' }).click();
  await page.getByRole('button', { name: /menu/i }).click();
  await page.getByRole('menuitem', { name: /light|dark/i }).click();
  await expect(page.getByRole('menu')).toHaveCount(0);
  await page.goto('/slides');
  await page.getByRole('link').filter({ hasText: /HE|Region/ }).first().click();
  await expect(page.getByRole('img', { name: 'Slide', exact: true })).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
  await page.keyboard.press('3');
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Click to place the circle')).toBeVisible();
  await shot(page, 'slide-english-light');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('Focal plane');
  await shot(page, 'slide-keys');
});
