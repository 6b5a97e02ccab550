/** A slide over a poor line: the line is cut, the page is closed, and it goes on; the right patient is read before saying yes. */
import type { Page, Route } from '@playwright/test';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

const samples = process.env['FARSIGHT_SAMPLES'] ?? join(resolve(import.meta.dirname, '../..'), 'sample-data/cache');
const original = readFileSync(join(samples, 'demo/slides/CMU-1-Small-Region.svs'));
const mark = Date.now().toString().slice(-7);

/** The sample slide with other bytes behind its end, large enough for several pieces. */
function slide(name: string, mebibytes = 6) {
  const buffer = Buffer.concat([original, Buffer.alloc(mebibytes * 1024 * 1024, mark)]);
  return { name, mimeType: 'application/octet-stream', buffer };
}

const card = (page: Page, name: string) => page.getByRole('listitem', { name });
const pieces = '**/api/v1/uploads/resumable/*';

/** Cuts the line for pieces of files, as often as `cuts` says; counts what gets through. */
async function poorLine(page: Page, cuts: { left: number; through: number }) {
  await page.route(pieces, async (route: Route) => {
    if (route.request().method() !== 'PATCH') return route.continue();
    if (cuts.left > 0) {
      cuts.left -= 1;
      return route.abort('connectionreset');
    }
    cuts.through += 1;
    return route.continue();
  });
}

test('a slide arrives over a line that breaks, and is the right patient’s', async ({ person, tolerate }) => {
  tolerate(/ERR_CONNECTION_RESET/);
  const page = await person('township');
  await page.getByRole('link', { name: '上传切片' }).click();
  await shot(page, 'uploads-empty');
  const cuts = { left: 2, through: 0 };
  await poorLine(page, cuts);
  const name = `B2026-${mark} A1 HE.svs`;
  await page.getByLabel('选择切片或大文件').setInputFiles(slide(name));
  const mine = card(page, name);
  await expect(mine.getByLabel('病理号')).toHaveValue(`B2026-${mark}`);
  await expect(mine.getByLabel('染色')).toHaveValue('HE');
  await expect(mine.getByText('请填写患者姓名或编号')).toBeVisible();
  await expect(mine.getByRole('button', { name: '核对无误' })).toBeDisabled();
  await mine.getByLabel('患者姓名').fill('周小红');
  await mine.getByLabel('患者编号').fill(`U${mark}`);
  await expect(mine.getByText('这张切片属于：')).toContainText('周小红');
  await expect(mine.getByText('文件已传完')).toBeVisible({ timeout: 60_000 });
  expect(cuts.left).toBe(0);
  await shot(page, 'uploads-confirm');
  await mine.getByRole('button', { name: '核对无误' }).click();
  const open = card(page, name).getByRole('link', { name: '查看' });
  await expect(open).toBeVisible({ timeout: 90_000 });
  await shot(page, 'uploads-ready');
  await open.click();
  await expect(page.getByText('周小红').first()).toBeVisible();

  // From the slide's page the scanner's file comes back, byte for byte; whoever is only asked has no such link.
  await page.getByRole('button', { name: '无损 A' }).click();
  await expect(page.getByText('扫描仪的原文件')).toBeVisible();
  await shot(page, 'slide-original');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /^下载/ }).click()]);
  expect(download.suggestedFilename()).toBe(name);
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  expect(digest(readFileSync(await download.path()))).toBe(digest(slide(name).buffer));
});

test('after the page was closed the same file goes on where it was', async ({ person, tolerate }) => {
  tolerate(/ERR_CONNECTION_RESET|ERR_FAILED/);
  const page = await person('uploader');
  await page.goto('/uploads');
  const cuts = { left: 0, through: 0 };
  await poorLine(page, cuts);
  const name = `reload ${mark}.svs`;
  // From a disk, where a file keeps its time.
  const path = join(mkdtempSync(join(tmpdir(), 'farsight-slide-')), name);
  writeFileSync(path, slide(name, 12).buffer);
  await page.getByLabel('选择切片或大文件').setInputFiles(path);
  await expect.poll(() => cuts.through, { timeout: 60_000 }).toBeGreaterThan(1);
  cuts.left = 1_000_000;
  const mine = card(page, name);
  await expect(mine.getByText('网络中断')).toBeVisible({ timeout: 60_000 });
  await shot(page, 'uploads-broken');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.reload();
  cuts.left = 0;
  await expect(card(page, name).getByText('未传完')).toBeVisible();
  await shot(page, 'uploads-unfinished');
  const offsets: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  await page.getByLabel('选择切片或大文件').setInputFiles(path);
  await expect.poll(() => offsets.length, { timeout: 60_000 }).toBeGreaterThan(0);
  expect(offsets[0], 'it goes on where it was').toBeGreaterThan(0);
  await expect(card(page, name).first().getByText('文件已传完')).toBeVisible({ timeout: 90_000 });
  await card(page, name).first().getByRole('button', { name: '暂不清楚' }).click();
  await expect(page.getByRole('region', { name: /待确认身份/ }).getByText(name)).toBeVisible({ timeout: 90_000 });
  await shot(page, 'uploads-unidentified');

  const waiting = page.getByRole('region', { name: /待确认身份/ }).getByRole('listitem', { name });
  await waiting.getByRole('button', { name: '确认身份' }).click();
  const form = page.getByRole('dialog', { name: new RegExp('属于谁') });
  await form.getByLabel('患者姓名').fill('钱七');
  await shot(page, 'uploads-identify');
  await form.getByRole('button', { name: '核对无误' }).click();
  await expect(waiting).toHaveCount(0);
});

test('it can be paused, and given up, on a phone as well', async ({ person }) => {
  const page = await person('uploader', phone);
  await page.goto('/uploads');
  await page.route(pieces, async (route) => {
    // A slow line.
    if (route.request().method() === 'PATCH') await new Promise((resolve) => setTimeout(resolve, 1_000));
    await route.continue();
  });
  const name = `pause ${mark}.svs`;
  await page.getByLabel('选择切片或大文件').setInputFiles(slide(name, 3));
  const mine = card(page, name);
  await mine.getByRole('button', { name: '暂停' }).click();
  await expect(mine.getByText('已暂停')).toBeVisible();
  await shot(page, 'uploads-phone');
  await expectNoSidewaysScroll(page);
  await mine.getByRole('button', { name: '继续' }).click();
  await expect(mine.getByText('已暂停')).toHaveCount(0);
  await mine.getByRole('button', { name: '取消' }).click();
  await expect(mine).toHaveCount(0);
});

test('a folder of a slide of several files goes up as one, and one file of it alone is refused', async ({ person }) => {
  const page = await person('township');
  await page.getByRole('link', { name: '上传切片' }).click();
  const folder = mkdtempSync(join(tmpdir(), 'farsight-set-'));
  const name = `set${mark}.mrxs`;
  const inner = join(folder, `set${mark}`);
  mkdirSync(inner);
  writeFileSync(join(folder, name), 'a picture');
  writeFileSync(join(inner, 'Slidedat.ini'), '[HIERARCHICAL]\r\nINDEXFILE = Index.dat\r\n[DATAFILE]\r\nFILE_0 = Data0000.dat\r\n');
  writeFileSync(join(inner, 'Data0000.dat'), Buffer.alloc(3000, 7));
  await page.getByLabel('选择文件夹').setInputFiles(folder);
  const mine = card(page, name);
  await expect(mine).toHaveCount(1);
  await expect(mine.getByText('文件已传完')).toBeVisible({ timeout: 60_000 });
  await shot(page, 'uploads-folder');
  await mine.getByLabel('患者姓名').fill('周小红');
  await mine.getByLabel('患者编号').fill(`S${mark}`);
  await mine.getByRole('button', { name: '核对无误' }).click();
  // It names an index that is not there: as one archive it says so of the whole slide.
  await expect(mine.getByText('缺少其余文件')).toBeVisible({ timeout: 90_000 });
  await shot(page, 'uploads-incomplete');
});
