/** Looking at one slide: what is said of a view is held against the pixels on the screen. */
import {
  addressedView,
  box,
  difference,
  expectSharp,
  expectView,
  large,
  mean,
  mpp_um,
  native,
  openAt,
  openLarge,
  patch,
  ruled_um,
  scaleBar_um_px,
  screenOf,
  withSlides,
} from './onSlides.ts';
import { expect, shot, test } from './people.ts';

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

test('the mitosis circle is 1 mm² at every zoom, and moves', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.1');
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
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

test('an area and an angle are drawn by clicking, and Backspace takes back a point of what is drawn', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await openAt(page, 'at=6000,4500&zoom=0.5');
  await ruled_um(page, 120, -140);
  const { x, y, width, height } = await box(screenOf(page));
  const click = (dx: number, dy: number) => page.mouse.click(x + width / 2 + dx, y + height / 2 + dy);
  await page.keyboard.press('f');
  await click(-100, -60);
  await click(100, -60);
  await click(160, 0);
  await page.keyboard.press('Backspace');
  await click(100, 60);
  await click(-100, 60);
  await click(-100, -60);
  // 200 × 120 screen pixels at 1 µm each.
  await expect(page.getByTestId('measure-area')).toHaveText(/0\.024 mm².*640 µm/);
  await expect(page.getByTestId('measure-distance'), 'what was finished is still there').toHaveCount(1);
  await page.keyboard.press('a');
  await click(-200, 100);
  await click(-200, 180);
  await click(-120, 180);
  await expect(page.getByTestId('measure-angle')).toHaveText('90°');
  await shot(page, 'slide-drawn-by-clicks');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Delete');
  await expect(page.getByTestId('measure-angle')).toHaveCount(0);
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
    // As soon as the address has the way's end; the slide itself may still be moving.
    await expect
      .poll(async () => {
        const now = await addressedView(page);
        return Math.abs(Math.hypot(now.x - before.x, now.y - before.y) - 240);
      })
      .toBeLessThan(0.2);
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

  // The line's true length gives the slide its scale.
  let sent: { distance: { from: [number, number]; to: [number, number]; um: number } } | null = null;
  await page.route('**/calibration', (route) => {
    sent = route.request().postDataJSON() as typeof sent;
    return route.fulfill({ json: { mpp_um: 0.5, by: 'person:x', by_name: '王建国', at: '2026-11-26T08:00:00Z' } });
  });
  const line = page.getByRole('button', { name: '用所选线段标定比例尺' });
  await page.keyboard.press('Escape');
  await expect(line).toBeEnabled();
  await line.click();
  const dialog = page.getByRole('dialog', { name: '标定比例尺' });
  await expect(dialog.getByText('所选线段长 200 像素')).toBeVisible();
  await dialog.getByLabel('实际长度').fill('100');
  await expect(dialog.getByText('0.5 µm/px')).toBeVisible();
  await shot(page, 'slide-calibrate-line');
  await dialog.getByRole('button', { name: '保存' }).click();
  const known = () => sent?.distance ?? { from: [0, 0], to: [0, 0], um: 0 };
  await expect.poll(() => known().um).toBe(100);
  expect(Math.hypot(known().from[0] - known().to[0], known().from[1] - known().to[1])).toBeCloseTo(200, 0);
  await expect(dialog).toHaveCount(0);
});

test('what was measured is there again after a reload, for the same person', async ({ person }) => {
  const page = await person('township');
  await openLarge(page);
  await page.keyboard.press('l');
  const { x, y, width, height } = await box(screenOf(page));
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2 + 60, y + height / 2 + 80);
  await page.mouse.up();
  const drawn = page.getByTestId('measure-distance');
  await expect(drawn).toHaveCount(1);
  const said = await drawn.textContent();
  await page.reload();
  await expectSharp(page);
  await expect(drawn).toHaveText(said ?? '');
  await page.keyboard.press('Delete');
  await expect(drawn).toHaveCount(0);
  await page.reload();
  await expectSharp(page);
  await expect(drawn).toHaveCount(0);
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
