/** A pathologist's desk around the slide: tray, comparison, picture, ways to move, bad lines, small screens, speed. */
import type { Page } from '@playwright/test';
import { account } from './node.ts';
import {
  addressedView,
  asOneCase,
  box,
  expectSharp,
  expectView,
  large,
  openAt,
  openLarge,
  ruled_um,
  screenOf,
  withSlides,
} from './onSlides.ts';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

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
  await page.keyboard.press('3');
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
  // Drawn across the circle's handle, which is no obstacle meanwhile.
  await ruled_um(page, 150, -140);
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

test('the label is a drawer for those who may see it', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await page.getByRole('button', { name: '标签', exact: true }).click();
  await expect(page.getByRole('img', { name: '标签' })).toBeVisible();
  await withSlides(page, (slides) => slides.map((slide) => ({ ...slide, has_label: false })));
  await page.reload();
  await expectSharp(page);
  await expect(page.getByRole('img', { name: '全景' })).toBeVisible();
  await expect(page.getByRole('button', { name: '标签', exact: true })).toHaveCount(0);
  await expect(page.getByRole('img', { name: '标签' })).toHaveCount(0);
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
  // What is selected is let go first, then the tool, then the comparison.
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await expect(screenOf(page)).toHaveCount(2);
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
  const frame = page.getByTestId('view-frame');
  const still = await frame.getAttribute('points');
  const atTheEdge = async () => {
    // A hand is never quite still: what is not listening yet hears of the next movement.
    await page.mouse.move(x + 11, y + height / 2);
    await page.mouse.move(x + 10, y + height / 2);
    return frame.getAttribute('points');
  };
  await expect.poll(atTheEdge, { message: 'the edge moves the slide' }).not.toBe(still);
  // The address is told where the slide comes to rest.
  await page.mouse.move(x + width / 2, y + height / 2);
  await expect.poll(async () => (await addressedView(page)).x, { message: 'and it stays there' }).toBeLessThan(6190);

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
  for (let step = 0; step < 12; step += 1) await page.keyboard.press('ArrowRight');
  const login = page.getByRole('dialog');
  await login.getByLabel('密码', { exact: true }).fill(account('township').password);
  await login.getByRole('button', { name: '登录', exact: true }).click();
  await expect(login).toHaveCount(0);
  await expectSharp(page);
  await expect(page.getByText('部分图像没有取到，正在重试…')).toHaveCount(0);
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

  // With a tool on, two fingers still move the slide and draw nothing; one finger draws, and moves what it drew.
  await page.getByRole('button', { name: '测量', exact: true }).click();
  const ruled = await addressedView(page);
  await touch('touchStart', 60);
  for (const apart of [70, 85, 100, 115, 130]) await touch('touchMove', apart);
  await touch('touchEnd', 0);
  await expect.poll(async () => (await addressedView(page)).zoom / ruled.zoom).toBeGreaterThan(1.5);
  const lines = page.getByTestId('measure-distance');
  await expect(lines).toHaveCount(0);
  const finger = async (from: { x: number; y: number }, to: { x: number; y: number }) => {
    const at = (share: number) => [{ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, id: 0 }];
    await fingers.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) });
    for (const share of [0.25, 0.5, 0.75, 1]) await fingers.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(share) });
    await fingers.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  };
  await finger({ x: middle.x - 100, y: middle.y }, { x: middle.x + 100, y: middle.y });
  await expect(lines).toHaveCount(1);
  await page.getByRole('button', { name: '测量', exact: true }).click();
  const drawn = await box(lines.locator('path').last());
  await finger({ x: middle.x - 50, y: middle.y + 12 }, { x: middle.x - 50, y: middle.y + 92 });
  await expect.poll(async () => (await box(lines.locator('path').last())).y - drawn.y, { message: 'the finger takes the line' }).toBeCloseTo(80, -0.5);
  await shot(page, 'slide-tablet-measured');
  await page.getByRole('button', { name: '删除所选测量' }).click();
  await expect(lines).toHaveCount(0);

  const small = await person('township', phone);
  await openLarge(small);
  await expectNoSidewaysScroll(small);
  await shot(small, 'slide-phone');
});

/** What 239 pathologists waited for a slide and for a field of view, as medians of their routine. */
const opening_ms = 1_000;
const fieldOfView_ms = 250;
const looked_ms = 1_000;
/** A machine that tests, compiles and draws in software at the same time is that much slower than the desk that is meant. */
const loadFactor = 5;

test('a slide opens and moves as fast as a pathologist', { tag: '@timed' }, async ({ person }) => {
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
  const changed_after: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    changed.push(await fieldOfViewChange_ms(page));
    await expectSharp(page);
  }
  await openAt(page, 'at=2500,4600&zoom=0.5');
  for (let round = 0; round < 5; round += 1) {
    // A field that is looked at, if only for a moment: what lies around it is fetched meanwhile.
    await page.waitForTimeout(looked_ms);
    changed_after.push(await fieldOfViewChange_ms(page));
    await expectSharp(page);
  }
  console.log(`open to sharp: median ${Math.round(median(opened))} ms of ${opened.map(Math.round).join(', ')}`);
  console.log(`one field of view further to sharp: median ${Math.round(median(changed))} ms of ${changed.map(Math.round).join(', ')}`);
  console.log(`the same after ${looked_ms} ms of looking: median ${Math.round(median(changed_after))} ms of ${changed_after.map(Math.round).join(', ')}`);
  expect(median(opened)).toBeLessThan(loadFactor * opening_ms);
  expect(median(changed_after)).toBeLessThan(loadFactor * fieldOfView_ms);
  expect(median(changed)).toBeLessThan(loadFactor * fieldOfView_ms);
});

/** From the presses that move the slide by half a screen until it has arrived and all of it is sharp. */
async function fieldOfViewChange_ms(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const screen = document.querySelector('[data-sharp]');
    const frame = document.querySelector<SVGPolygonElement>('[data-testid="view-frame"]');
    if (screen === null || frame === null) throw new Error('no slide');
    const left = () => frame.points[0]?.x ?? NaN;
    const [start, from] = [performance.now(), left()];
    // Six steps of 120 screen pixels, two slide pixels each.
    for (let step = 0; step < 6; step += 1) document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
    while (performance.now() - start < 20_000) {
      await new Promise((done) => requestAnimationFrame(done));
      if (left() - from > 1_435 && screen.getAttribute('data-sharp') === 'true') return performance.now() - start;
    }
    return NaN;
  });
}

test('everything of a slide is there in English and in light', async ({ person }) => {
  const page = await person('township');
  await page.getByRole('button', { name: /的菜单/ }).click();
  await page.getByRole('menuitem', { name: 'English' }).click();
  await page.getByRole('button', { name: /menu/i }).click();
  await page.getByRole('menuitem', { name: /light|dark/i }).click();
  await expect(page.getByRole('menu')).toHaveCount(0);
  await page.goto('/slides');
  await page.getByRole('link', { name: large }).click();
  await expect(page.getByRole('img', { name: 'Slide', exact: true })).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
  await page.keyboard.press('3');
  await page.keyboard.press('c');
  await expect(page.getByText('Click to place the circle')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByText('Click to place the circle')).toHaveCount(0);
  await shot(page, 'slide-english-light');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('Focal plane');
  await shot(page, 'slide-keys');
});
