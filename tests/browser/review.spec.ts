/** A report with two signatures: read on a small screen, sent back and signed by the reviewer from a telephone. */
import type { Page } from '@playwright/test';
import { account } from './node.ts';
import { expect, expectNoSidewaysScroll, expectPicture, json, phone, shot, test } from './people.ts';
import { askUnder, Cast } from './stage.ts';

test.describe.configure({ mode: 'serial', timeout: 180_000 });
// A browser without a graphics card draws slowly.
const patient = { timeout: 60_000 };

const question = `结节较前增大？是否需要穿刺？${Date.now().toString().slice(-8)}`;
const first = '右肺上叶结节，考虑良性。';
const second = '右肺上叶结节，较前增大，建议穿刺。';
const reason = '与 2025 年片比较大小，再定性质。';
let id = '';

/** A browser that writes what is spoken, so that there is something to hear: first a guess, then what it settles on. */
async function speak(page: Page, words: string): Promise<void> {
  await page.addInitScript((spoken) => {
    class Recognition {
      lang = '';
      onresult: ((event: object) => void) | null = null;
      onend: (() => void) | null = null;
      start(): void {
        const hear = (transcript: string, isFinal: boolean) => this.onresult?.({ resultIndex: 0, results: [{ 0: { transcript }, isFinal }] });
        setTimeout(() => hear('有费上也', false), 10);
        setTimeout(() => hear(`${spoken}（${this.lang}）`, true), 50);
      }
      stop(): void {
        this.onend?.();
      }
    }
    Object.assign(window, { SpeechRecognition: Recognition });
  }, words);
}

async function sign(page: Page, login: string, confirm: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account(login).signing_passphrase ?? '');
  await dialog.getByRole('button', { name: confirm, exact: true }).click();
  await expect(dialog).toHaveCount(0, patient);
}

/** What the browser's PDF viewer does when it is asked to print. */
async function onPrint(page: Page, answer: 'prints' | 'refuses'): Promise<void> {
  await page.getByTitle('诊断报告 PDF').evaluate((frame, does) => {
    const viewer = (frame as HTMLIFrameElement).contentWindow;
    if (viewer === null) throw new Error('there is no PDF');
    viewer.print = () => {
      if (does === 'refuses') throw new DOMException('not this page’s', 'SecurityError');
      Object.assign(window, { printed: true });
    };
  }, answer);
}

async function stateOf(page: Page): Promise<string> {
  return (await json<{ state: string }>(page.request, 'get', `/api/v1/consults/${id}`)).state;
}

test('the reader’s signature is not the last where two are agreed on, read at 1280 × 800', async ({ person }) => {
  const cast = new Cast();
  ({ id } = await askUnder(cast, 'double', question));
  await cast.end();

  const page = await person('reader');
  await page.setViewportSize({ width: 1280, height: 800 });
  await speak(page, '右肺上叶见一实性结节');
  await page.goto(`/cases/${id}`);
  await page.getByRole('button', { name: '领取', exact: true }).click();
  const images = page.getByRole('img', { name: /^影像/ }).first();
  await expect(images).toHaveAttribute('data-shown', 'true', patient);
  // Nothing listens before it is asked to.
  await expect(page.getByRole('button', { name: '语音输入' })).toHaveCount(0);
  await page.getByRole('switch', { name: /浏览器语音输入/ }).click();
  await page.getByRole('button', { name: '语音输入' }).first().click();
  await expect(page.getByLabel('影像所见')).toHaveValue('右肺上叶见一实性结节（zh-CN）');
  await page.getByRole('button', { name: '停止语音输入' }).click();
  await page.getByLabel('影像所见').fill('右肺上叶见一实性结节，直径约 13 mm。');
  await page.getByLabel('诊断意见').fill(first);
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await expectPicture(page, images);
  await expect(images).toBeInViewport({ ratio: 0.99 });
  const button = page.getByRole('button', { name: '签发', exact: true });
  await expect(button).toBeInViewport({ ratio: 1 });
  await expectNoSidewaysScroll(page);
  await shot(page, 'reading-1280');
  await button.click();
  await sign(page, 'reader', '确认签名');
  await expect(page.getByText('待审核').first()).toBeVisible();
  expect(await stateOf(page)).toBe('preliminary');
  // Nobody outside the centre has it before it is reviewed.
  const township = await person('township');
  await township.goto(`/cases/${id}`);
  await expect(township.getByText(question)).toBeVisible();
  await expect(township.getByText(first)).toHaveCount(0);
});

test('the reviewer sends it back with a reason, from a telephone', async ({ person }) => {
  const page = await person('reviewer', phone);
  await page.getByRole('tab', { name: /待审核/ }).click();
  const card = page.getByRole('listitem').filter({ hasText: question });
  await expect(card).toContainText('待审核');
  await shot(page, 'phone-review-list');
  await card.getByRole('link').click();
  await page.waitForURL(`/cases/${id}`);
  await expect(page.getByRole('img', { name: /^影像/ }).first()).toHaveAttribute('data-shown', 'true', patient);
  await shot(page, 'phone-review-images');
  await page.getByText(first).scrollIntoViewIfNeeded();
  await expect(page.getByText(first)).toBeInViewport();
  await expect(page.getByRole('button', { name: '审核签发', exact: true })).toBeInViewport({ ratio: 1 });
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-review-report');
  await page.getByRole('button', { name: '退回', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: '退回给报告医师' });
  await expect(dialog.getByRole('button', { name: '退回', exact: true })).toBeDisabled();
  await dialog.getByLabel('原因').fill(reason);
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-review-return');
  await dialog.getByRole('button', { name: '退回', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  expect(await stateOf(page)).toBe('returned');
});

test('the reader sees why, reads again and signs again', async ({ person }) => {
  const page = await person('reader');
  const row = page.getByRole('row').filter({ hasText: question });
  await expect(row).toContainText('已退回');
  await row.getByRole('link').first().click();
  await expect(page.getByText('赵红 退回的原因')).toBeVisible();
  await expect(page.getByText(reason)).toBeVisible();
  await shot(page, 'reading-returned');
  await page.getByLabel('诊断意见').fill(second);
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  expect(await stateOf(page)).toBe('reading');
  await page.keyboard.press('Control+Enter');
  await sign(page, 'reader', '确认签名');
  expect(await stateOf(page)).toBe('preliminary');
});

test('the reviewer signs on the telephone, and the report is final with both names', async ({ person }) => {
  const page = await person('reviewer', phone);
  await page.goto(`/cases/${id}`);
  await page.getByRole('button', { name: '审核签发', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: '审核签发' });
  await expect(dialog).toContainText(second);
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-review-sign');
  await sign(page, 'reviewer', '确认审核签名');
  // Delivered as soon as it has its time stamp.
  await expect.poll(() => stateOf(page), patient).toBe('delivered');

  const township = await person('township');
  await township.goto(`/cases/${id}/report`);
  const verdict = township.getByRole('list', { name: '签名核验' });
  await expect(verdict.getByTitle(/两个签名均有效/).or(verdict.getByLabel(/两个签名均有效/)).first()).toBeVisible();
  for (const name of ['王建国', '赵红']) await expect(township.getByText(name).first()).toBeVisible();
  await shot(township, 'report-reviewed');

  // Printed from the page, or where the browser's PDF viewer does not let the page print, from a tab of its own.
  const print = township.getByRole('button', { name: '打印' });
  await onPrint(township, 'prints');
  await print.click();
  await expect.poll(() => township.evaluate(() => 'printed' in window)).toBe(true);
  await onPrint(township, 'refuses');
  const opened = township.context().waitForEvent('page');
  await print.click();
  const tab = await opened;
  await expect.poll(() => tab.url()).toMatch(/report\.pdf/);
  await expect(township.getByText('请在那里打印')).toBeVisible();

  // A phone shows no PDF inside a page: the page says what is in it, and it is printed from a tab of its own.
  await onPrint(township, 'prints');
  await township.setViewportSize(phone);
  await expect(township.getByRole('region', { name: '诊断报告' }).getByText(second)).toBeVisible();
  await expectNoSidewaysScroll(township);
  await shot(township, 'phone-report');
  const another = township.context().waitForEvent('page');
  await print.click();
  const phoneTab = await another;
  await expect.poll(() => phoneTab.url()).toMatch(/report\.pdf/);
});
