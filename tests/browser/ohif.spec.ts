/** OHIF, a viewer that we did not write, unmodified but for its address: the study list, a CT, a slide. */
import { account, demo } from './node.ts';
import { expect, expectPicture, pictureOf, shot, test } from './people.ts';
import type { Page, Response } from '@playwright/test';

// 17 MB of script are read before anything is shown.
test.describe.configure({ timeout: 300_000 });

test.beforeAll(async ({ playwright }) => {
  const { login, password } = account('township');
  const request = await playwright.request.newContext({ baseURL: demo().base_url });
  const { has_ohif } = (await (await request.post('/api/v1/session', { data: { login, password } })).json()) as { has_ohif: boolean };
  await request.dispose();
  if (!has_ohif) throw new Error('OHIF is not installed: `make ohif` fetches it from the npm registry into viewer/ohif/dist; then start the node again');
});

/** Every answer that is an error, and every request that had none. */
function failures(page: Page): string[] {
  const all: string[] = [];
  page.context().on('response', (response: Response) => {
    if (response.status() >= 400) all.push(`${response.status()} ${response.request().method()} ${response.url()}`);
  });
  page.context().on('requestfailed', (request) => {
    // A page that is left, or a viewport that scrolls on, gives up what it has not read.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') all.push(`${request.failure()?.errorText} ${request.url()}`);
  });
  return all;
}

async function studyUid(page: Page, fits: (study: { modalities: string[]; instance_count: number }) => boolean): Promise<string> {
  const answer = await page.request.get('/api/v1/studies?limit=100');
  const { studies } = (await answer.json()) as {
    studies: { study_instance_uid: string; modalities: string[]; instance_count: number }[];
  };
  const found = studies.find(fits);
  if (found === undefined) throw new Error('the demo has no such study');
  return found.study_instance_uid;
}

test('nobody sees OHIF without a login, and those without patients not at all', async ({ visitor, person }) => {
  const page = await visitor();
  await page.goto('/ohif/');
  await expect(page.getByLabel('登录名')).toBeVisible();
  const admin = await person('admin');
  expect((await admin.request.get('/ohif/')).status()).toBe(403);
});

test('OHIF lists the studies that the person may see', async ({ person }) => {
  const page = await person('township');
  const failed = failures(page);
  await page.goto('/ohif/');
  await expect(page.getByText('A2611090017')).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText('李秀英').first()).toBeVisible();
  await shot(page, 'ohif-list');
  expect(failed).toEqual([]);
});

test('a CT opens in OHIF from its page, is drawn, and scrolls', async ({ person }) => {
  const page = await person('township');
  const uid = await studyUid(page, ({ modalities, instance_count }) => modalities.includes('CT') && instance_count === 120);
  await page.getByRole('link', { name: '检查' }).click();
  await page.getByRole('row').filter({ hasText: '120 幅' }).getByRole('link').first().click();
  const opening = page.context().waitForEvent('page');
  await page.getByRole('link', { name: '在 OHIF 中打开' }).click();
  const ohif = await opening;
  const failed = failures(ohif);
  // Two viewers at once are more than a small machine draws.
  await page.goto('about:blank');
  expect(new URL(ohif.url()).searchParams.get('StudyInstanceUIDs')).toBe(uid);
  const canvas = ohif.locator('canvas.cornerstone-canvas').first();
  await expect(canvas).toBeVisible({ timeout: 90_000 });
  await expectPicture(ohif, canvas);
  const before = await pictureOf(ohif, canvas);
  await canvas.hover();
  for (let step = 0; step < 12; step += 1) await ohif.mouse.wheel(0, 120);
  await expect.poll(async () => (await pictureOf(ohif, canvas)).equals(before), { message: 'another image is shown' }).toBe(false);
  await expectPicture(ohif, canvas);
  await shot(ohif, 'ohif-ct');
  expect(failed).toEqual([]);
});

test('a slide opens in OHIF’s microscopy mode', async ({ person }) => {
  const page = await person('township');
  // Not by the link: a case of the same patient may wait in the worklist that is left.
  await page.goto('/slides');
  await page.getByRole('link', { name: /李秀英/ }).first().click();
  const opening = page.context().waitForEvent('page');
  await page.getByRole('link', { name: '在 OHIF 中打开' }).click();
  const ohif = await opening;
  const failed = failures(ohif);
  // Two viewers at once are more than a small machine draws.
  await page.goto('about:blank');
  const tiles: string[] = [];
  ohif.on('response', (response) => {
    if (response.ok() && /\/frames\/\d+/.test(response.url())) tiles.push(response.url());
  });
  const canvas = ohif.locator('.ol-viewport canvas').first();
  await expect(canvas).toBeVisible({ timeout: 90_000 });
  await expectPicture(ohif, ohif.locator('.ol-viewport').first());
  await shot(ohif, 'ohif-slide');
  expect(tiles.length).toBeGreaterThan(0);
  expect(failed).toEqual([]);
});
