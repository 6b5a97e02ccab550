/** Slides with several planes and channels that came as DICOM, and a case of two slides of which one was not opened. */
import type { Page } from '@playwright/test';
import { takeBack } from './asking.ts';
import { storeSlides } from './made.ts';
import { demo } from './node.ts';
import { box, expectSharp, mean, patch, screenOf } from './onSlides.ts';
import { expect, shot, test } from './people.ts';

/** Where there is tissue: white cannot become brighter, and what is empty does not shine. */
async function tissue(page: Page): Promise<{ x: number; y: number }> {
  const { x, y, width, height } = await box(screenOf(page));
  return { x: x + 0.8 * width, y: y + 0.7 * height };
}

/** Mean grey of it, once it is sharp. */
async function grey(page: Page): Promise<number> {
  await expectSharp(page);
  return mean(await patch(page, await tissue(page), 120));
}

test('each focal plane and each optical path is another picture, the one that was sent', async ({ person }) => {
  const slides = await storeSlides('stack');
  const page = await person('township');
  await page.goto(`/slides/${slides.get('stack')?.id}`);
  // Each plane is nine grey values brighter than the one below, each path twenty-seven.
  const of = async (step: () => Promise<void>, from: number, by: number, what: string) => {
    await step();
    await expect.poll(async () => Math.abs((await grey(page)) - from - by), { message: what, timeout: 20_000 }).toBeLessThan(2.5);
  };
  const usual = await grey(page);
  await of(() => page.keyboard.press(']'), usual, 9, 'the upper plane');
  await expect(page.getByText('+1 µm')).toBeVisible();
  await shot(page, 'slide-plane-received');
  await of(() => page.keyboard.press('['), usual, 0, 'the middle one again');
  await of(() => page.keyboard.press('['), usual, -9, 'the lowest');
  const { x, y } = await tissue(page);
  const turn = async (notches: number) => {
    await page.mouse.move(x, y);
    await page.keyboard.down('Alt');
    await page.mouse.wheel(0, 100 * notches);
    await page.keyboard.up('Alt');
  };
  await of(() => turn(-1), usual, 0, 'the middle one by the wheel');
  await of(() => turn(1), usual, -9, 'and the lowest');
  await expect.poll(() => new URL(page.url()).searchParams.get('plane'), 'the address names the plane').toBe('0');
  await page.reload();
  await of(async () => {}, usual, -9, 'and opens it again');
  await of(() => page.keyboard.press(']'), usual, 0, 'the middle one');
  await of(() => page.getByRole('button', { name: 'greengreen' }).click(), usual, 27, 'the other path');
  await shot(page, 'slide-path-received');
});

test('channels are put together in the browser as they are switched', async ({ person }) => {
  const slides = await storeSlides('fluor');
  const page = await person('township');
  await page.goto(`/slides/${slides.get('fluor')?.id}`);
  const all = await grey(page);
  expect(all, 'it shines').toBeGreaterThan(5);
  await page.getByRole('button', { name: '通道' }).click();
  await page.getByRole('switch', { name: 'channel 0' }).uncheck({ force: true });
  await page.getByRole('switch', { name: 'channel 2' }).uncheck({ force: true });
  await expect(page.getByRole('switch', { name: 'channel 1' })).toBeDisabled();
  await expect.poll(async () => (await grey(page)) / all, { timeout: 20_000 }).toBeLessThan(0.8);
  await shot(page, 'slide-channels-received');
  const [red, green, blue] = await colours(page, await tissue(page));
  expect(green, 'its own colour is green, as the light is named').toBeGreaterThan(20);
  expect(Math.max(red, blue)).toBeLessThan(green / 4);
});

/** Mean red, green and blue of a square on the screen. */
async function colours(page: Page, centre: { x: number; y: number }, side = 120): Promise<[number, number, number]> {
  const png = await page.screenshot({ clip: { x: centre.x - side / 2, y: centre.y - side / 2, width: side, height: side } });
  return page.evaluate(async (data) => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${data}`;
    await picture.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
    const pen = canvas.getContext('2d');
    if (pen === null) throw new Error('no canvas');
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(picture, 0, 0, 1, 1);
    const { data: rgba } = pen.getImageData(0, 0, 1, 1);
    return [rgba[0] ?? 0, rgba[1] ?? 0, rgba[2] ?? 0] as [number, number, number];
  }, png.toString('base64'));
}

test('slides of the case that were not opened are marked on the tray and named before signing', async ({ person }) => {
  const slides = await storeSlides('full', 'extended');
  const [full, extended] = [slides.get('full'), slides.get('extended')];
  if (full === undefined || extended === undefined) throw new Error('they were not stored');
  const township = await person('township');
  const [owner] = demo().organisations;
  const centre = demo().organisations.find(({ kind }) => kind === 'centre');
  const as = { headers: { 'X-Farsight': '1' } };
  const data = {
    reading_organisation: centre?.id,
    kind: 'diagnosis',
    urgency: 'routine',
    slide_id: full.id,
    study: { org: owner?.id, study_instance_uid: full.study_instance_uid },
    question: '两张切片，请一并看。',
    consent: true,
  };
  const draft = (await (await township.request.post('/api/v1/consults', { ...as, data })).json()) as { id: string; version: number };
  const submitted = await township.request.post(`/api/v1/consults/${draft.id}/submit`, { ...as, data: { version: draft.version } });
  expect(submitted.ok(), await submitted.text()).toBe(true);

  const page = await person('pathologist');
  try {
    await page.goto(`/cases/${draft.id}`);
    await expectSharp(page);
    await page.getByRole('button', { name: '领取' }).first().click();
    const tray = page.getByRole('navigation', { name: '切片盘' });
    const [opened, other] = [full, extended].map(({ source }) => tray.getByRole('button').filter({ hasText: source }));
    if (opened === undefined || other === undefined) throw new Error('the tray has them not');
    await expect(opened.getByTestId('seen-mark')).toHaveAttribute('data-seen', 'true');
    await expect(other.getByTestId('seen-mark')).toHaveText('未打开');
    const warning = page.getByTestId('unseen-slides');
    await expect(warning).toContainText(extended.source);
    await expect(warning).not.toContainText(full.source);
    await shot(page, 'slide-unseen');
    await other.click();
    await expectSharp(page);
    await expect(other.getByTestId('seen-mark')).toHaveAttribute('data-seen', 'true');
    await expect(warning).toHaveCount(0);
  } finally {
    await takeBack(township, draft.id, page);
  }
});
