/** The report in a window of its own, for a second screen: it follows the images, and no word is lost when either is closed. */
import type { Page } from '@playwright/test';
import { askOfChest } from './asking.ts';
import { account } from './node.ts';
import { expect, json, shot, test } from './people.ts';

test.describe.configure({ mode: 'serial', timeout: 180_000 });

const mark = Date.now().toString().slice(-8);

/** Questions in the pool. */
async function ask(township: Page, n: number): Promise<string> {
  return (await askOfChest(township, { question: `第 ${n} 问 ${mark}`, urgency: 'emergency' })).id;
}

interface Case {
  version: number;
  state: string;
  report: { findings: string; displayed: string[] } | null;
}

const caseOf = (page: Page, id: string) => json<Case>(page.request, 'get', `/api/v1/consults/${id}`);

async function claim(page: Page, id: string): Promise<void> {
  const { version } = await caseOf(page, id);
  await json(page.request, 'post', `/api/v1/consults/${id}/claim`, { version });
}

test('the report follows the images, and closing either loses no word', async ({ person, tolerate }) => {
  // A save of the window that was closed may be answered after the other one has begun.
  tolerate(/status of 409/);
  const township = await person('township');
  const [first, second] = [await ask(township, 1), await ask(township, 2)];
  const images = await person('reader');
  await claim(images, first);
  await claim(images, second);
  await images.goto(`/cases/${first}`);
  await images.getByLabel('影像所见').fill('在影像窗口写下的话。');

  // The words that were typed a moment ago go along.
  const opening = images.context().waitForEvent('page');
  await images.getByRole('button', { name: '在新窗口写报告' }).click();
  const report = await opening;
  await expect(report.getByText(`第 1 问 ${mark}`)).toBeVisible();
  await expect(report.getByLabel('影像所见')).toHaveValue('在影像窗口写下的话。');
  await expect(images.getByText('报告在另一个窗口')).toBeVisible();
  await expect(images.getByLabel('影像所见')).toHaveCount(0);
  await expect(report.getByText('张三').first(), 'whose report it is').toBeVisible();

  await report.getByLabel('影像所见').fill('在报告窗口写下的话。');
  await expect(report.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await shot(report, 'report-window');
  await shot(images, 'report-window-images');
  expect((await caseOf(images, first)).report?.findings).toBe('在报告窗口写下的话。');
  // What the other window has shown is in the report.
  await expect.poll(async () => (await caseOf(images, first)).report?.displayed.length ?? 0).toBeGreaterThan(0);

  // The next case opens in both.
  await images.goto(`/cases/${second}`);
  await expect(report.getByText(`第 2 问 ${mark}`)).toBeVisible();
  await expect(report.getByLabel('影像所见')).toHaveValue('');
  await expect(images.getByText('报告在另一个窗口')).toBeVisible();

  // Back at a case that it has had before, it still hears the images, and answers.
  await images.goto(`/cases/${first}`);
  await expect(report.getByLabel('影像所见')).toHaveValue('在报告窗口写下的话。');
  await expect(images.getByText('报告在另一个窗口')).toBeVisible();
  const screen = images.getByTestId('viewport').first().getByRole('img', { name: /^影像/ });
  await expect(screen).toHaveAttribute('data-shown', 'true', { timeout: 60_000 });
  await images.keyboard.press('k');
  await expect(images.getByTestId('key-image-said')).toHaveText('已放入报告，图 1');
  const figures = report.getByTestId('key-images').getByRole('listitem');
  await expect(figures).toHaveCount(1);
  await expect(figures).toHaveAttribute('data-saved', 'true');
  await images.goto(`/cases/${second}`);
  await expect(report.getByText(`第 2 问 ${mark}`)).toBeVisible();

  // Closed in the middle of a word: the window with the images goes on with it.
  await report.getByLabel('影像所见').fill('还没有存好');
  await report.close({ runBeforeUnload: false });
  await expect(images.getByLabel('影像所见')).toHaveValue('还没有存好');
  await expect.poll(async () => (await caseOf(images, second)).report?.findings).toBe('还没有存好');

  // And the other way round: the report goes on without its images.
  const again = images.context().waitForEvent('page');
  await images.getByRole('button', { name: '在新窗口写报告' }).click();
  const alone = await again;
  await expect(alone.getByLabel('影像所见')).toHaveValue('还没有存好');
  await images.close({ runBeforeUnload: false });
  await alone.getByLabel('影像所见').fill('没有影像窗口也写得下去');
  await expect.poll(async () => (await caseOf(alone, second)).report?.findings).toBe('没有影像窗口也写得下去');

  // Nothing is left in the pool.
  const reader = await person('reader');
  for (const id of [first, second]) {
    const { version } = await caseOf(reader, id);
    await json(reader.request, 'post', `/api/v1/consults/${id}/release`, { version });
    const asked = await caseOf(township, id);
    await json(township.request, 'post', `/api/v1/consults/${id}/cancel`, { version: asked.version, reason: '测试' });
  }
});

test('called back, the report is written beside its images again, and the next case opens in both', async ({ person, tolerate }) => {
  tolerate(/status of 409/);
  const township = await person('township');
  const [first, second] = [await ask(township, 3), await ask(township, 4)];
  const images = await person('reader');
  await claim(images, first);
  await claim(images, second);
  await images.goto(`/cases/${first}`);
  const opening = images.context().waitForEvent('page');
  await images.getByRole('button', { name: '在新窗口写报告' }).click();
  const report = await opening;
  await report.getByLabel('影像所见').fill('所见。');
  await images.getByRole('button', { name: '收回报告' }).click();
  await expect(images.getByLabel('影像所见')).toHaveValue('所见。');
  await expect.poll(() => report.isClosed()).toBe(true);

  const again = images.context().waitForEvent('page');
  await images.getByRole('button', { name: '在新窗口写报告' }).click();
  const window = await again;
  await expect(window).toHaveTitle('报告 · 远见 Farsight');
  await expect(window.getByLabel('影像所见')).toHaveValue('所见。');
  // The first that is empty.
  await window.keyboard.press('F2');
  await expect(window.getByLabel('诊断意见')).toBeFocused();
  await window.keyboard.type('意见。');
  await window.keyboard.press('Control+Enter');
  const dialog = window.getByRole('dialog');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
  await window.keyboard.press('n');
  // Which case comes next depends on what else the reader has; it is the same in both.
  const inBoth = () => {
    const shown = new URL(images.url()).pathname.split('/').at(-1);
    return shown !== first && new URL(window.url()).searchParams.get('case') === shown;
  };
  await expect.poll(inBoth).toBe(true);
  await expect(images.getByText('报告在另一个窗口')).toBeVisible();
  await window.close();

  const { version } = await caseOf(images, second);
  await json(images.request, 'post', `/api/v1/consults/${second}/release`, { version });
  const asked = await caseOf(township, second);
  await json(township.request, 'post', `/api/v1/consults/${second}/cancel`, { version: asked.version, reason: '测试' });
});
