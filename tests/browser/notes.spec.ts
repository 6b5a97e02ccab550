/** Regions and notes on a slide, bookmarks that become key images of a report, and what was seen. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { account, artefacts, demo } from './node.ts';
import { withSlides } from './onSlides.ts';
import { expect, phone, shot, test } from './people.ts';

interface Slide {
  id: string;
  study_instance_uid: string;
  organisation: { id: string };
  width: number;
  height: number;
}

interface Annotation {
  id: string;
  kind: string;
  points: [number, number][];
  text: string;
}

interface Consult {
  id: string;
  version: number;
  number: string;
}

const asPerson = { headers: { 'X-Farsight': '1' } };

async function slideOf(page: Page, description: string): Promise<Slide> {
  const { slides } = (await (await page.request.get('/api/v1/slides')).json()) as { slides: (Slide & { description: string })[] };
  const found = slides.find((slide) => slide.description.includes(description));
  if (found === undefined) throw new Error(`there is no slide ${description}`);
  return found;
}

async function annotations(page: Page, slide: Slide): Promise<Annotation[]> {
  const list = (await (await page.request.get(`/api/v1/slides/${slide.id}/annotations`)).json()) as { annotations: Annotation[] };
  return list.annotations;
}

/** The township asks about a slide. */
async function ask(page: Page, slide: Slide, question: string): Promise<Consult> {
  const centre = demo().organisations.find(({ kind }) => kind === 'centre');
  const data = {
    reading_organisation: centre?.id,
    kind: 'diagnosis',
    urgency: 'routine',
    slide_id: slide.id,
    study: { org: slide.organisation.id, study_instance_uid: slide.study_instance_uid },
    question,
    consent: true,
  };
  const draft = (await (await page.request.post('/api/v1/consults', { ...asPerson, data })).json()) as Consult;
  const submitted = await page.request.post(`/api/v1/consults/${draft.id}/submit`, { ...asPerson, data: { version: draft.version } });
  expect(submitted.ok(), await submitted.text()).toBe(true);
  return (await submitted.json()) as Consult;
}

function stage(page: Page): Locator {
  return page.getByRole('img', { name: '切片', exact: true });
}

async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(stage(page)).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
}

/** The slide has come to rest: what is drawn over it stands still. */
async function rest(page: Page): Promise<void> {
  const layer = page.getByLabel('测量线').locator('> g').first();
  let last: string | null = null;
  await expect
    .poll(async () => {
      const now = await layer.getAttribute('transform');
      const isStill = now !== null && now === last;
      last = now;
      return isStill;
    }, { intervals: [400] })
    .toBe(true);
}

/** Drags over the slide, by shares of the stage from its middle. */
async function drag(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const box = await stage(page).boundingBox();
  if (box === null) throw new Error('the slide is not on the page');
  const at = ([x, y]: readonly [number, number]) => [box.x + box.width * (0.5 + x), box.y + box.height * (0.5 + y)] as const;
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]));
  await page.mouse.move(...at(to));
  await page.mouse.up();
}

const saved = (page: Page) => expect(page.getByTestId('notes-state')).toHaveAttribute('data-state', 'saved');

function centre(points: readonly [number, number][]): [number, number] {
  const sum = points.reduce(([a, b], [x, y]) => [a + x, b + y] as [number, number], [0, 0] as [number, number]);
  return [sum[0] / points.length, sum[1] / points.length];
}

test('a region is drawn, written about, still there tomorrow, and seen by whoever is asked', async ({ person }) => {
  test.slow();
  const township = await person('township');
  const slide = await slideOf(township, '胃窦活检');
  await open(township, `/slides/${slide.id}`);
  await township.keyboard.press('4');
  await township.keyboard.press('o');
  await expect(township.getByRole('group', { name: '用什么画' })).toBeVisible();
  await township.getByLabel('类别').selectOption('tumour');
  await shot(township, 'notes-drawing');
  await drag(township, [-0.15, -0.15], [0.1, 0.12]);
  const field = township.getByLabel('说明');
  await expect(field).toBeFocused();
  await field.fill('这里腺体不规则，是否浸润？<b>请看</b>');
  await saved(township);
  const [drawn] = await annotations(township, slide);
  expect(drawn?.kind).toBe('rectangle');
  await shot(township, 'notes-written');

  await township.reload();
  await expect(stage(township)).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
  await expect(township.getByTestId('note')).toHaveCount(1);
  await township.getByRole('button', { name: /标注与书签/ }).click();
  const item = township.getByTestId('note-item');
  await expect(item).toContainText('这里腺体不规则，是否浸润？<b>请看</b>');
  await expect(item).toContainText('本人');

  const consult = await ask(township, slide, '腺体不规则处是否浸润？');
  const reader = await person('pathologist');
  await open(reader, `/cases/${consult.id}`);
  await expect(reader.getByTestId('note')).toHaveCount(1);
  await reader.getByRole('button', { name: /标注与书签/ }).click();
  const theirs = reader.getByTestId('note-item');
  await expect(theirs).toContainText('李敏');
  await expect(theirs).toContainText('清河镇卫生院');
  await theirs.getByRole('button').first().click();
  await expect(reader.getByTestId('note')).toHaveAttribute('data-selected', 'true');
  await expect(reader.getByLabel('说明')).toHaveCount(0);
  await shot(reader, 'notes-of-others');

  // What the reader draws appears at the hospital without reloading, with whose and for which consult it is.
  await reader.keyboard.press('Escape');
  await rest(reader);
  await reader.keyboard.press('o');
  await drag(reader, [0.15, 0.1], [0.25, 0.25]);
  await reader.getByLabel('说明').fill('此处为主');
  await saved(reader);
  const answer = township.getByTestId('note-item').filter({ hasText: '此处为主' });
  await expect(answer).toContainText('周雅琴');
  await expect(answer).toContainText(consult.number);
});

test('what is drawn on a turned and mirrored slide is where it was drawn', async ({ person }) => {
  const page = await person('township');
  const slide = await slideOf(page, '结肠息肉切除');
  await open(page, `/slides/${slide.id}`);
  await page.keyboard.press('3');
  const draw = async () => {
    await rest(page);
    await page.keyboard.press('o');
    await drag(page, [-0.1, -0.1], [0.1, 0.1]);
    await saved(page);
    await page.getByLabel('说明').press('Escape');
  };
  await draw();
  for (let n = 0; n < 6; n += 1) await page.keyboard.press('e');
  await draw();
  await page.keyboard.press('m');
  await draw();
  const drawn = await annotations(page, slide);
  expect(drawn).toHaveLength(3);
  const [[x, y]] = drawn.map(({ points }) => centre(points)) as [[number, number]];
  for (const { points } of drawn) {
    const [alsoX, alsoY] = centre(points);
    expect(Math.hypot(alsoX - x, alsoY - y), 'around the same middle').toBeLessThan(0.01 * slide.width);
  }
  const turned = drawn[1]?.points ?? [];
  const [a = [0, 0], b = [0, 0]] = turned;
  expect(Math.abs(b[1] - a[1]), 'its sides are turned with the slide').toBeGreaterThan(1);
  await shot(page, 'notes-turned');
});

test('every tool draws, by pointer and by keyboard', async ({ person }) => {
  const page = await person('township');
  const slide = await slideOf(page, '结肠息肉切除');
  const before = (await annotations(page, slide)).length;
  await open(page, `/slides/${slide.id}`);
  const box = await stage(page).boundingBox();
  if (box === null) throw new Error('the slide is not on the page');
  const click = (x: number, y: number) => page.mouse.click(box.x + x, box.y + y);
  const choose = async (tool: string) => {
    await rest(page);
    await page.keyboard.press('o');
    await page.getByRole('button', { name: tool, exact: true }).click();
  };
  /** What was drawn waits for words; the keyboard goes back to the slide. */
  const leave = () => page.getByLabel('说明').press('Escape');
  await choose('椭圆');
  await drag(page, [-0.3, -0.2], [-0.2, -0.1]);
  await leave();
  await choose('多边形');
  await click(400, 300);
  await click(460, 310);
  await click(430, 360);
  await page.keyboard.press('Backspace');
  await click(440, 370);
  await page.mouse.dblclick(box.x + 400, box.y + 380);
  await leave();
  // A straight stroke by hand is no region: it is not kept, and drawing goes on.
  await choose('自由画');
  await drag(page, [0, 0.1], [0.1, 0.3]);
  await page.keyboard.press('Escape');
  await choose('线');
  await drag(page, [0.1, -0.2], [0.2, -0.1]);
  await leave();
  await choose('点');
  await click(500, 200);
  await leave();
  await choose('点');
  await page.keyboard.press('Enter');
  await leave();
  await saved(page);
  const kinds = (await annotations(page, slide)).slice(before).map(({ kind }) => kind);
  expect(kinds).toEqual(['ellipse', 'polygon', 'line', 'point', 'point']);
  const count = kinds.length;
  await page.getByTestId('note-item').last().getByRole('button').first().click();
  await page.keyboard.press('Delete');
  await expect.poll(async () => (await annotations(page, slide)).length - before).toBe(count - 1);
});

test('a cut line loses no word', async ({ browser }) => {
  // The browser complains of what is cut here, so nobody listens.
  const context = await browser.newContext({ baseURL: demo().base_url });
  const page = await context.newPage();
  await page.goto('/');
  await page.getByLabel('登录名').fill('township');
  await page.getByLabel('密码', { exact: true }).fill(account('township').password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await expect(page.getByRole('navigation', { name: '导航' })).toBeVisible();
  const slide = await slideOf(page, '胃窦活检');
  await open(page, `/slides/${slide.id}`);
  await page.keyboard.press('o');
  await page.route('**/annotations**', (route) => route.abort());
  await drag(page, [-0.05, 0.2], [0.05, 0.3]);
  await page.getByLabel('说明').fill('断线时写的');
  await expect(page.getByTestId('notes-state')).toHaveAttribute('data-state', 'offline');
  await shot(page, 'notes-offline');
  await page.unroute('**/annotations**');
  await page.reload();
  await expect.poll(async () => (await annotations(page, slide)).filter(({ text }) => text === '断线时写的').length).toBe(1);
  await context.close();
});

test('a bookmark becomes a key image that is signed and printed', async ({ person }) => {
  test.slow();
  const township = await person('township');
  const slide = await slideOf(township, '胃窦活检');
  const consult = await ask(township, slide, '请给出诊断，附关键图像。');
  const page = await person('pathologist');
  await open(page, `/cases/${consult.id}`);
  await page.getByRole('button', { name: '领取' }).first().click();
  await expect(page.getByLabel('镜下所见')).toBeVisible();
  await stage(page).click({ position: { x: 20, y: 300 } });
  await page.keyboard.press('5');
  await rest(page);
  await page.keyboard.press('b');
  const bookmark = page.getByTestId('bookmark-item');
  await expect(bookmark).toHaveCount(1);
  const name = bookmark.getByLabel('名称');
  await name.fill('可疑腺体');
  await name.press('Enter');
  await page.getByLabel('镜下所见').fill('黏膜慢性炎，局部腺体排列不规则。');
  await page.getByLabel('诊断意见').fill('慢性胃炎，未见异型增生。');
  const choice = page.getByTestId('key-images').getByLabel('放入报告: 可疑腺体');
  await choice.check();
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await page.waitForLoadState('networkidle');
  await shot(page, 'notes-key-image');
  await page.getByRole('button', { name: '签发' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('img', { name: /关键图像 1：可疑腺体/ })).toBeVisible();
  await shot(page, 'notes-sign');
  await dialog.getByLabel('签名口令').fill(account('pathologist').signing_passphrase ?? '');
  await dialog.getByRole('button', { name: /签/ }).click();
  await expect(dialog).toHaveCount(0, { timeout: 30_000 });

  const pdf = await (await page.request.get(`/api/v1/consults/${consult.id}/report.pdf`)).body();
  const path = join(artefacts, 'key-image-report.pdf');
  writeFileSync(path, pdf);
  expect(execFileSync('pdfimages', ['-list', path], { encoding: 'utf8' })).toMatch(/image/);
  expect(execFileSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8' })).toMatch(/可\s*疑\s*腺\s*体/);
  expect(execFileSync('pdfdetach', ['-list', path], { encoding: 'utf8' })).toContain('picture-1.jpg');
  execFileSync('pdftoppm', ['-r', '80', '-png', path, join(artefacts, 'screenshots', 'notes-report')]);
});

test('a slide that joined the study after the request is looked at, and the report is saved all the same', async ({ person }) => {
  const page = await person('pathologist');
  const township = await person('township');
  const slide = await slideOf(township, '胃窦活检');
  const later = await slideOf(township, '结肠息肉切除');
  const consult = await ask(township, slide, '后来又扫了一张，请一并看。');
  // So that the reader may see it at all; in the browser it then lies in the same study.
  await ask(township, later, '另一例。');
  await withSlides(page, (slides) => slides.map((one) => ({ ...one, study_instance_uid: slide.study_instance_uid })));
  await open(page, `/cases/${consult.id}`);
  await page.getByRole('button', { name: '领取' }).first().click();
  await expect(page.getByLabel('镜下所见')).toBeVisible();
  const tray = page.getByRole('navigation', { name: '切片盘' });
  const outside = tray.getByRole('button').filter({ hasText: '不属于本次申请' });
  await expect(outside).toHaveCount(1);
  await outside.click();
  await expect(outside).toHaveAttribute('aria-current', 'true');
  await expect(stage(page)).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
  await shot(page, 'slide-beside-the-request');
  await page.getByLabel('镜下所见').fill('黏膜慢性炎。');
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  const { report, evidence } = (await (await page.request.get(`/api/v1/consults/${consult.id}`)).json()) as {
    report: { findings: string; displayed: string[] };
    evidence: { sop_instance_uid: string }[];
  };
  expect(report.findings).toBe('黏膜慢性炎。');
  expect(report.displayed.length, 'what was looked at of the request').toBeGreaterThan(0);
  expect(report.displayed.every((uid) => evidence.some(({ sop_instance_uid: one }) => one === uid))).toBe(true);
});

test('what was looked at is on the map', async ({ person }) => {
  const page = await person('township');
  const slide = await slideOf(page, '结肠息肉切除');
  await open(page, `/slides/${slide.id}`);
  await page.getByRole('button', { name: '看过的部分' }).click();
  const map = page.getByTestId('coverage');
  await expect.poll(async () => map.locator('rect').count()).toBeGreaterThan(10);
  await page.keyboard.press('5');
  await expect.poll(async () => map.locator('rect[data-step="0"], rect[data-step="1"]').count()).toBeGreaterThan(0);
  await shot(page, 'notes-coverage');
  const cells = await map.locator('rect').count();
  await page.goto('/slides');
  await open(page, `/slides/${slide.id}`);
  await expect.poll(async () => page.getByTestId('coverage').locator('rect').count()).toBeGreaterThanOrEqual(cells);
});

test('notes are there on a phone', async ({ person }) => {
  const page = await person('township', phone);
  const slide = await slideOf(page, '胃窦活检');
  const data = { kind: 'point', points: [[1000, 900]], text: '请看这里' };
  expect((await page.request.post(`/api/v1/slides/${slide.id}/annotations`, { ...asPerson, data })).status()).toBe(201);
  await open(page, `/slides/${slide.id}`);
  await page.getByRole('button', { name: /标注与书签/ }).click();
  await expect(page.getByTestId('note-item').first()).toBeVisible();
  await shot(page, 'notes-phone');
});
