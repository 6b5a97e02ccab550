/** OHIF, a viewer that we did not write, unmodified but for its address: the study list, a CT, a slide. */
import { account, demo } from './node.ts';
import { box, demoSlides } from './onSlides.ts';
import { expect, expectPicture, json, pictureOf, shot, test } from './people.ts';
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

interface SlideFacts {
  id: string;
  source: string;
  study_instance_uid: string;
  width: number;
  levels: { level: number; width: number; height: number }[];
}

interface View {
  center: [number, number];
  resolution: number;
  zoom: number;
}

/** What OHIF leaves on its window: its services, and the map of the viewer that was asked last. */
interface OhifWindow {
  services: { microscopyService: { getAllManagedViewers: () => { getViewState: () => View; setViewState: (view: View) => void }[] } };
  map: { getSize: () => [number, number]; getView: () => { getRotation: () => number } };
}

/** Width and height of OHIF's view, in pixels of the screen, and how many degrees clockwise it has turned the slide. */
async function viewOf(ohif: Page): Promise<[width: number, height: number, turn: number]> {
  return ohif.evaluate(() => {
    const there = window as unknown as OhifWindow;
    there.services.microscopyService.getAllManagedViewers()[0]?.getViewState();
    return [...there.map.getSize(), Math.round((there.map.getView().getRotation() * 180) / Math.PI)];
  });
}

/** Has OHIF draw a level pixel by pixel, the part of it that begins at this place and fills the view. */
async function showLevel(ohif: Page, factor: number, [left, top]: [number, number]): Promise<void> {
  const [resolution, away] = await ohif.evaluate(
    ([factor, left, top]) => {
      const there = window as unknown as OhifWindow;
      const viewer = there.services.microscopyService.getAllManagedViewers()[0];
      if (viewer === undefined) throw new Error('OHIF has no viewer of slides');
      const [width, height] = there.map.getSize();
      // dicom-microscopy-viewer counts in pixels of the largest level, upwards, the first row below -1.
      const center: [number, number] = [(left + width / 2) * factor, -1 - (top + height / 2) * factor];
      viewer.setViewState({ ...viewer.getViewState(), resolution: factor, center });
      const now = viewer.getViewState();
      return [now.resolution, Math.hypot(now.center[0] - center[0], now.center[1] - center[1])] as const;
    },
    [factor, left, top] as const,
  );
  expect(resolution, 'OHIF draws as large as it is told to').toBe(factor);
  expect(away, 'and goes where it is sent').toBeLessThan(1e-6);
}

/**
 * How far a picture is from what is `dx` and `dy` pixels into a larger one: of all squares of 32 pixels, the largest mean
 * difference of a colour.
 */
async function worstSquare(page: Page, seen: Buffer, wanted: Buffer, [dx, dy]: readonly [number, number]): Promise<number> {
  return page.evaluate(
    async ([seen, wanted, dx, dy]) => {
      const pixels = async (png: string) => {
        const picture = new Image();
        picture.src = `data:image/png;base64,${png}`;
        await picture.decode();
        const { naturalWidth: width, naturalHeight: height } = picture;
        const pen = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
        if (pen === null) throw new Error('no canvas');
        pen.drawImage(picture, 0, 0);
        return pen.getImageData(0, 0, width, height);
      };
      const [a, b] = [await pixels(seen), await pixels(wanted)];
      let worst = 0;
      for (let top = 0; top + 32 <= a.height; top += 32)
        for (let left = 0; left + 32 <= a.width; left += 32) {
          const sums: [number, number, number] = [0, 0, 0];
          for (let y = top; y < top + 32; y += 1)
            for (let x = left; x < left + 32; x += 1)
              for (const colour of [0, 1, 2] as const) {
                const [one, other] = [a.data[4 * (y * a.width + x) + colour], b.data[4 * ((y + dy) * b.width + x + dx) + colour]];
                sums[colour] += Math.abs((one ?? NaN) - (other ?? NaN));
              }
          // NaN where the larger picture is none.
          worst = Math.max(worst, ...sums.map((sum) => sum / 32 / 32));
        }
      return worst;
    },
    [seen.toString('base64'), wanted.toString('base64'), dx, dy] as const,
  );
}

/** The mean of a square differs less: decoders of JPEG round alike, or nearly. */
const rounding = 1;

test('OHIF draws the pixels that the node gives of a slide, each in its place', async ({ person }) => {
  const page = await person('township');
  const { slides } = await json<{ slides: SlideFacts[] }>(page.request, 'get', '/api/v1/slides');
  for (const source of demoSlides) {
    const slide = slides.find((one) => one.source === source);
    if (slide === undefined) throw new Error(`${source} is not among the slides`);
    await page.goto(`/ohif/microscopy?StudyInstanceUIDs=${slide.study_instance_uid}`);
    const view = page.locator('.ol-viewport').first();
    await expect(view.locator('canvas').first()).toBeVisible({ timeout: 90_000 });
    // It remembers.
    if (source === demoSlides[0]) await page.getByRole('button', { name: 'Confirm and hide' }).click();
    const [width, height, turn] = await viewOf(page);
    // By Image Orientation (Slide) it lays every slide with its label to the right; scanners, and we, show it to the left.
    expect(turn).toBe(180);
    // Without OHIF's overview on the left, and what is written along the edges.
    const inner = { x: Math.ceil(0.3 * width), y: Math.ceil(0.1 * height), width: Math.floor(0.65 * width), height: Math.floor(0.8 * height) };
    const drawn = async () => {
      const { x, y } = await box(view);
      return page.screenshot({ clip: { ...inner, x: Math.round(x) + inner.x, y: Math.round(y) + inner.y }, timeout: 60_000 });
    };
    const levels = slide.levels.filter((level) => level.width > width && level.height > height);
    expect(levels.length).toBeGreaterThan(0);
    for (const level of levels) {
      const factor = Math.round(slide.width / level.width);
      const [right, bottom] = [level.width - width, level.height - height];
      let wanted: Buffer = Buffer.of();
      for (const [left, top] of [[0, 0], [right, bottom], [Math.floor(right / 2), Math.floor(bottom / 2)]] as [number, number][]) {
        await showLevel(page, factor, [left, top]);
        // A pixel more on each side.
        const size = [inner.width + 2, inner.height + 2] as const;
        const corner = [left + width - inner.x + 1 - size[0], top + height - inner.y + 1 - size[1]];
        const part = [...corner, ...size].map((one) => one * factor);
        const answer = await page.request.get(`/iiif/3/${slide.id}/${part}/${size}/${turn}/default.png`);
        expect(answer.status()).toBe(200);
        wanted = await answer.body();
        await expect
          .poll(async () => worstSquare(page, await drawn(), wanted, [1, 1]), { message: `${source}, level ${level.level}, from ${left},${top}`, timeout: 60_000 })
          .toBeLessThan(rounding);
      }
      // In the middle there is tissue: one pixel beside its place it is another picture.
      for (const beside of [[0, 1], [2, 1], [1, 0], [1, 2]] as const) {
        expect(await worstSquare(page, await drawn(), wanted, beside)).toBeGreaterThan(5 * rounding);
      }
      await shot(page, `ohif-pixels-${source}-${level.level}`);
    }
  }
});
