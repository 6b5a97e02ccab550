/** The ways beside the straight one, as people see them: more data, another reader, a corrected report, a question, a review. */
import type { Page } from '@playwright/test';
import { account } from './node.ts';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

const question = '右下肺斑片影，是否肺炎？';
const asPerson = { headers: { 'X-Farsight': '1' } };

let caseAddress = '';

// Several people have the images open at once, which a browser without a graphics card draws slowly.
test.describe.configure({ mode: 'serial', timeout: 900_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });

/** A PNG of one grey pixel. */
const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==', 'base64');

async function open(page: Page): Promise<void> {
  await page.goto(caseAddress);
  await expect(page.getByText(question)).toBeVisible();
}

async function say(page: Page, words: string, confirm: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill(words);
  await dialog.getByRole('button', { name: confirm, exact: true }).click();
  await expect(dialog).toHaveCount(0);
}

interface Case {
  version: number;
  state: string;
  report: { findings: string; diagnosis: string } | null;
  questions: { answer: { text: string } | null }[];
  quality: unknown[];
}

/** The case as this person has it. */
async function caseOf(page: Page): Promise<Case> {
  return (await (await page.request.get(`/api/v1/consults${caseAddress.replace('/cases', '')}`)).json()) as Case;
}

/** A step where its page is not what is looked at. */
async function step(page: Page, name: string, reason: string): Promise<void> {
  const { version } = await caseOf(page);
  const answer = await page.request.post(`/api/v1/consults${caseAddress.replace('/cases', '')}/${name}`, { ...asPerson, data: { version, reason } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

async function sign(page: Page): Promise<void> {
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
}

test('a draft saves itself and takes an attachment along', async ({ person }) => {
  const page = await person('township');
  await page.getByRole('link', { name: '检查', exact: true }).click();
  await page.getByPlaceholder('姓名/拼音/患者号/检查号…').fill('欧阳');
  await page.getByRole('row').filter({ hasText: '欧阳娜娜' }).getByRole('link', { name: /欧阳娜娜/ }).click();
  await page.getByRole('link', { name: '申请会诊' }).click();
  await page.getByLabel('问题').fill(question);
  await expect(page.getByText('草稿已保存')).toBeVisible();
  await page.locator('input[type=file][accept*=png]').setInputFiles({ name: '外院化验.png', mimeType: 'image/png', buffer: picture });
  await expect(page.getByRole('link', { name: '外院化验.png' })).toBeVisible();
  await shot(page, 'ask-attachment');

  // Another browser goes on with it.
  const elsewhere = await person('township');
  await elsewhere.getByRole('row').filter({ hasText: question }).getByRole('link').first().click();
  await expect(elsewhere.getByLabel('问题')).toHaveValue(question);
  await expect(elsewhere.getByRole('link', { name: '外院化验.png' })).toBeVisible();
  await elsewhere.getByLabel(/患者已知情同意/).check();
  await elsewhere.getByRole('button', { name: '发送申请' }).click();
  await elsewhere.waitForURL(/\/cases\/[^/]+$/);
  caseAddress = new URL(elsewhere.url()).pathname;
  await expect(elsewhere.getByRole('link', { name: '外院化验.png' })).toBeVisible();
});

test('the coordinator assigns, the reader asks for more, the township supplies it', async ({ person }) => {
  const coordinator = await person('coordinator');
  await open(coordinator);
  await coordinator.getByRole('button', { name: '分配', exact: true }).click();
  await coordinator.getByRole('radio', { name: /王建国/ }).check();
  await shot(coordinator, 'assign');
  await coordinator.getByRole('dialog').getByRole('button', { name: '分配', exact: true }).click();
  await expect(coordinator.getByText('已分配').first()).toBeVisible();

  const reader = await person('reader');
  await open(reader);
  await expect(reader.getByText('已分配给您，领取后可以写报告')).toBeVisible();
  await reader.getByRole('button', { name: '领取', exact: true }).click();
  await reader.getByLabel('影像所见').fill('右下肺，');
  await reader.getByRole('button', { name: '要资料', exact: true }).click();
  await shot(reader, 'request-data');
  await say(reader, '请补传 2025 年旧片', '要资料');
  await expect(reader.getByTestId('wanted')).toContainText('请补传 2025 年旧片');
  await expect(reader.getByText('计时暂停').first()).toBeVisible();
  await shot(reader, 'awaiting-data');

  const township = await person('township', phone);
  await open(township);
  await expect(township.getByTestId('wanted')).toContainText('请补传 2025 年旧片');
  await expectNoSidewaysScroll(township);
  await shot(township, 'phone-awaiting-data');
  await township.getByRole('button', { name: '已补充，继续' }).click();
  await say(township, '旧片已传', '继续');
  await expect(township.getByText('阅片中').first()).toBeVisible();

  // What was typed before is still there, on the page that stayed open.
  await expect(reader.getByLabel('影像所见')).toHaveValue('右下肺，');
  await expect(reader.getByText(/旧片已传/).first()).toBeVisible();
});

test('the report is signed, corrected, and the old version is marked', async ({ person }) => {
  const reader = await person('reader');
  await open(reader);
  await reader.getByLabel('影像所见').fill('右下肺见斑片状高密度影，边缘模糊。');
  await reader.getByLabel('诊断意见').fill('左下肺炎。');
  await expect(reader.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await sign(reader);
  await reader.getByRole('button', { name: '修订报告', exact: true }).click();
  await reader.getByRole('radio', { name: /更正报告/ }).check();
  await reader.getByLabel(/修订原因/).fill('左右写反');
  await shot(reader, 'amend');
  await reader.getByRole('dialog').getByRole('button', { name: '修订报告', exact: true }).click();
  await expect(reader.getByText(/正在修订（更正报告）：左右写反/)).toBeVisible();
  await reader.getByLabel('诊断意见').fill('右下肺炎。');
  await expect(reader.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await shot(reader, 'amending');

  const township = await person('township');
  expect((await caseOf(township)).report?.diagnosis, 'what was delivered').toBe('左下肺炎。');
  await sign(reader);
  await open(township);
  await expect(township.getByText('右下肺炎。')).toBeVisible();
  await township.getByRole('link', { name: '查看报告' }).click();
  await expect(township.getByText('左右写反')).toBeVisible();
  await shot(township, 'report-amended');
  await township.getByRole('combobox', { name: '版本' }).click();
  await township.getByRole('option', { name: /第 1 版/ }).click();
  await expect(township.getByText('这一版已被新版本取代')).toBeVisible();
  await shot(township, 'report-superseded');
});

test('the township asks back and is answered; a colleague reviews, and the numbers are counted', async ({ person }) => {
  const township = await person('township');
  await open(township);
  await township.getByRole('button', { name: '追问', exact: true }).click();
  await say(township, '多久复查？', '追问');
  await expect(township.getByText('待答复')).toBeVisible();

  const reader = await person('reader');
  await expect(reader.getByRole('row').filter({ hasText: question })).toContainText('有追问');
  await step(reader, 'answer', '两周后复查胸片。');
  await open(township);
  await expect(township.getByText('两周后复查胸片。').first()).toBeVisible();
  await shot(township, 'case-asked-back');

  const reviewer = await person('reviewer');
  await open(reviewer);
  await reviewer.getByRole('button', { name: '更多操作' }).click();
  await reviewer.getByRole('menuitem', { name: '质控评价' }).click();
  await reviewer.getByRole('radio', { name: /^2a/ }).check();
  await reviewer.getByLabel(/不一致之处/).fill('未提及肋膈角');
  await shot(reviewer, 'grade');
  await reviewer.getByRole('dialog').getByRole('button', { name: '质控评价', exact: true }).click();
  // The words are in the dialog, too: they are on the case when it has closed.
  await expect(reviewer.getByRole('dialog')).toHaveCount(0);
  await expect(reviewer.getByText('未提及肋膈角')).toBeVisible();
  await step(reader, 'respond', '同意');
  expect((await caseOf(township)).quality).toEqual([]);

  const coordinator = await person('coordinator');
  await coordinator.getByRole('link', { name: '统计', exact: true }).click();
  await coordinator.getByRole('combobox', { name: '统计方式' }).click();
  await coordinator.getByRole('option', { name: '报告医师' }).click();
  await expect(coordinator.getByRole('row').filter({ hasText: '王建国' })).toBeVisible();
  await shot(coordinator, 'statistics');
  const csv = await coordinator.request.get((await coordinator.getByRole('link', { name: '下载 CSV' }).getAttribute('href')) ?? '', asPerson);
  expect(await csv.text()).toContain('王建国');
});
