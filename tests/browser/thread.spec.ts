/** One thread through the whole house, in Chromium, as the two people: asked, read, signed, verified. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import { account } from './node.ts';
import { expect, expectNoSidewaysScroll, measured, phone, shot, test } from './people.ts';

const question = '右上肺结节，性质？需要手术吗？';
const diagnosis = '右肺上叶实性结节，考虑良性可能大。';

/** The consult that the stations pass on. */
let caseAddress = '';
let pdf = '';
let signedJson = '';
let signature = '';

test.describe.configure({ mode: 'serial' });

async function searchStudies(page: Page, word: string): Promise<void> {
  await page.getByRole('link', { name: '检查' }).click();
  // The worklist has a search box, too.
  await page.getByPlaceholder('姓名/拼音/患者号/检查号…').fill(word);
}

/** 张三's chest CT of 120 images, from the list of studies. */
async function openChestCt(page: Page): Promise<void> {
  await searchStudies(page, 'zs');
  const ct = page.getByRole('row').filter({ hasText: '120 幅' });
  await expect(ct).toHaveCount(1);
  await expect(page.getByRole('row').filter({ hasText: '李秀英' })).toHaveCount(0);
  await shot(page, 'studies-zs');
  await ct.getByRole('link', { name: /张三/ }).click();
}

function imageScreen(page: Page): Locator {
  return page.getByRole('img', { name: '影像' });
}

async function imageShown(page: Page): Promise<void> {
  await expect(imageScreen(page)).toHaveAttribute('data-shown', 'true', { timeout: 30_000 });
}

/** What is said of a report's signature. */
function verdict(page: Page): Locator {
  return page.getByRole('list', { name: '签名核验' });
}

/** The browser's own PDF viewer draws where no locator reaches: white paper in the middle of the frame is the proof. */
async function expectPdfShown(page: Page): Promise<void> {
  const box = await page.getByTitle('诊断报告 PDF').boundingBox();
  if (box === null) throw new Error('the PDF has no place');
  const clip = { x: box.x + box.width / 2 - 60, y: box.y + box.height - 260, width: 120, height: 120 };
  await expect
    .poll(async () => {
      const png = (await page.screenshot({ clip })).toString('base64');
      return page.evaluate(async (data) => {
        const picture = new Image();
        picture.src = `data:image/png;base64,${data}`;
        await picture.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
        const pen = canvas.getContext('2d');
        if (pen === null) return 0;
        pen.drawImage(picture, 0, 0);
        const { data: rgba } = pen.getImageData(0, 0, canvas.width, canvas.height);
        return rgba.filter((value) => value > 250).length / rgba.length;
      }, png);
    }, { message: 'the PDF is on the page' })
    .toBeGreaterThan(0.6);
}

/** A line across the middle of the screen with the primary button. */
async function dragAcross(page: Page, screen: Locator, length: number): Promise<void> {
  const box = await screen.boundingBox();
  if (box === null) throw new Error('the screen has no size');
  const [x, y] = [box.x + box.width / 2 - length / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + length / 2, y, { steps: 4 });
  await page.mouse.move(x + length, y, { steps: 4 });
  await page.mouse.up();
}

test('a wrong password is refused in plain words', async ({ visitor }) => {
  const page = await visitor();
  await page.goto('/');
  await shot(page, 'login');
  await page.getByLabel('登录名').fill('township');
  await page.getByLabel('密码', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await expect(page.getByText('登录名或密码不对')).toBeVisible();
  await shot(page, 'login-refused');
});

for (const word of ['张', 'zhang', 'zs']) {
  test(`${word} finds 张三`, async ({ person }) => {
    const page = await person('township');
    await searchStudies(page, word);
    await expect(page.getByRole('row').filter({ hasText: '120 幅' })).toContainText('张三');
    await expect(page.getByRole('row').filter({ hasText: '李秀英' })).toHaveCount(0);
  });
}

test('the township doctor looks at the study', async ({ person }) => {
  const page = await person('township');
  await shot(page, 'worklist-empty');
  await openChestCt(page);
  await imageShown(page);
  await measured(page, 'farsight:first-image', 'first CT image after opening from the studies');

  await expect(page.getByTestId('slice')).toHaveText('图像 1 / 120');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByTestId('slice')).toHaveText('图像 3 / 120');
  await imageScreen(page).hover();
  await page.mouse.wheel(0, 100);
  await expect(page.getByTestId('slice')).not.toHaveText('图像 3 / 120');
  for (let step = 0; step < 5; step += 1) await page.keyboard.press('PageDown');

  await page.keyboard.press('1');
  await expect(page.getByTestId('window')).toHaveText('W 1500 L -600');
  await page.keyboard.press('2');
  await expect(page.getByTestId('window')).toHaveText('W 400 L 40');
  await page.keyboard.press('1');
  await expect(page.getByTestId('window')).toHaveText('W 1500 L -600');
  await dragAcross(page, imageScreen(page), 120);
  await expect(page.getByTestId('window')).not.toHaveText('W 1500 L -600');
  await page.keyboard.press('1');

  await page.keyboard.press('l');
  await dragAcross(page, imageScreen(page), 200);
  await expect(imageScreen(page).getByText(/\d mm/)).toBeVisible();
  await shot(page, 'study');
});

test('the township doctor asks', async ({ person }) => {
  const page = await person('township');
  await openChestCt(page);
  await page.getByRole('link', { name: '申请会诊' }).click();
  await expect(page.getByRole('heading', { name: '申请会诊' })).toBeVisible();
  await expect(page.getByText('张三')).toBeVisible();

  await page.getByRole('button', { name: '发送申请' }).click();
  await expect(page.getByText('请写下问题')).toBeVisible();
  await shot(page, 'ask-missing');
  await page.getByLabel('问题').fill(question);
  await page.getByLabel('病史').fill('咳嗽两周，无发热。既往体健。');
  await page.getByRole('button', { name: '发送申请' }).click();
  await expect(page.getByText('需要患者知情同意')).toBeVisible();
  await page.getByLabel(/患者已知情同意/).check();
  await shot(page, 'ask');
  await page.getByRole('button', { name: '发送申请' }).click();
  await page.waitForURL(/\/cases\/[^/]+$/);
  caseAddress = new URL(page.url()).pathname;
  await expect(page.getByText(question)).toBeVisible();
  await shot(page, 'case-asked');
});

/** By keyboard; others' cases may wait above it. */
async function goDownTo(page: Page, words: string): Promise<void> {
  const row = page.getByRole('row').filter({ hasText: words });
  await expect(row).toHaveCount(1);
  for (let step = 0; step < 50 && (await row.getAttribute('aria-current')) === null; step += 1) await page.keyboard.press('j');
  await expect(row).toHaveAttribute('aria-current', 'true');
}

test('the expert claims from the worklist, reads, writes and signs', async ({ person }) => {
  const page = await person('reader');
  await page.getByRole('tab', { name: /待领取/ }).click();
  await goDownTo(page, question);
  await page.keyboard.press('Space');
  await shot(page, 'worklist');
  await page.keyboard.press('Escape');
  await page.keyboard.press('c');
  // It stays under the hand until one goes on: Enter opens no other patient.
  const claimed = page.getByRole('row').filter({ hasText: question });
  await expect(claimed).toContainText('阅片中');
  await expect(claimed).toHaveAttribute('aria-current', 'true');
  await page.getByRole('tab', { name: /我的/ }).click();
  await expect(page.getByRole('row').filter({ hasText: question })).toContainText('阅片中');
  await goDownTo(page, question);
  await shot(page, 'worklist-mine');
  await page.keyboard.press('Enter');
  await imageShown(page);
  await measured(page, 'farsight:first-image', 'first CT image after opening from the worklist');

  await expect(page.getByText('还缺：影像所见、诊断意见')).toBeVisible();
  await page.getByLabel('影像所见').fill('右肺上叶后段见一实性结节，直径约 13 mm，边缘光滑，未见毛刺及分叶。余肺野清晰。');
  await page.getByLabel('诊断意见').fill(diagnosis);
  await page.getByLabel('建议').fill('三个月后复查胸部CT。');
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await imageScreen(page).hover();
  for (let step = 0; step < 4; step += 1) await page.mouse.wheel(0, 100);
  await shot(page, 'reading');

  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(diagnosis);
  await dialog.getByLabel('签名口令', { exact: true }).fill('not the passphrase');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog.getByText('签名口令不对')).toBeVisible();
  await shot(page, 'sign-refused');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
  await shot(page, 'sign');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('link', { name: '查看报告' })).toBeVisible();
  await shot(page, 'reading-signed');
});

test('the township doctor has the answer, and takes the report away', async ({ person }) => {
  const page = await person('township');
  const row = page.getByRole('row').filter({ hasText: question });
  await expect(row).toHaveCount(1);
  await shot(page, 'worklist-answered');
  await row.getByRole('link').first().click();
  await expect(page.getByText(diagnosis)).toBeVisible();
  await expect(verdict(page).getByText('签名有效', { exact: true })).toBeVisible();
  await shot(page, 'case-answered');

  await page.getByRole('link', { name: '查看报告' }).click();
  await expect(verdict(page).getByText('签名有效', { exact: true })).toBeVisible();
  await expect(verdict(page).getByText('未改动', { exact: true })).toBeVisible();
  await expect(page.getByText('演示用证书，没有法律效力')).toBeVisible();
  await expectPdfShown(page);
  await shot(page, 'report');
  const take = async (name: string) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()]);
    return download.path();
  };
  pdf = await take('下载 PDF');
  signedJson = await take('签名原文（JSON）');
  signature = await take('报告医师签名（p7s）');
  expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
  expect(JSON.parse(readFileSync(signedJson, 'utf8')).diagnosis).toBe(diagnosis);

  // Kept for the next station: downloads go with their browser.
  const kept = (path: string) => readFileSync(path).toString('base64');
  [pdf, signedJson, signature] = [kept(pdf), kept(signedJson), kept(signature)];
  await page.getByRole('button', { name: '确认收到' }).click();
  await expect(page.getByText('已完成')).toBeVisible();
});

test('anyone verifies the report without logging in', async ({ visitor }) => {
  const page = await visitor();
  await page.goto('/verify');
  const file = (name: string, mimeType: string, base64: string) => ({ name, mimeType, buffer: Buffer.from(base64, 'base64') });
  const choose = page.locator('input[type=file]');
  await choose.setInputFiles(file('report.pdf', 'application/pdf', pdf));
  await expect(page.getByRole('status').getByText('签名有效', { exact: true })).toBeVisible();
  await shot(page, 'verify');

  await page.reload();
  const forged = Buffer.from(signedJson, 'base64').toString('utf8').replace('良性', '恶性');
  await choose.setInputFiles([
    { name: 'report.json', mimeType: 'application/json', buffer: Buffer.from(forged) },
    file('report.p7s', 'application/pkcs7-signature', signature),
  ]);
  await expect(page.getByRole('status').getByText('签名无效', { exact: true })).toBeVisible();
  await expect(verdict(page).getByText('内容已被改动', { exact: true })).toBeVisible();
  await shot(page, 'verify-forged');
});

test('a slide is looked at', async ({ person }) => {
  const page = await person('township');
  await page.getByRole('link', { name: '切片', exact: true }).click();
  await expect(page.getByRole('link', { name: /结肠息肉切除/ })).toBeVisible();
  await shot(page, 'slides');
  for (const [name, file] of [['胃窦活检', 'slide'], ['结肠息肉切除', 'slide-large']] as const) {
    await page.getByRole('link', { name: '切片', exact: true }).click();
    await page.getByRole('link', { name: new RegExp(name) }).click();
    const screen = page.getByRole('img', { name: '切片', exact: true });
    await expect(screen).toHaveAttribute('data-sharp', 'true', { timeout: 30_000 });
    await measured(page, 'farsight:slide-sharp', `slide sharp (${name})`);
    await shot(page, file);
    const whole = await page.getByTestId('scale').textContent();
    await page.keyboard.press('5');
    await expect(page.getByRole('button', { name: '20×' })).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByTestId('scale')).not.toHaveText(whole ?? '');
    await expect(page.getByTestId('scale')).toHaveText(/µm/);
    await page.keyboard.press('l');
    await dragAcross(page, screen, 240);
    await expect(page.getByLabel('测量线').getByText(/µm|mm/)).toBeVisible();
    await page.keyboard.press('l');
    await page.getByRole('button', { name: '无损 A' }).click();
    await expect(page.getByText('A 级：扫描仪的原始编码')).toBeVisible();
    await page.waitForLoadState('networkidle');
    await shot(page, `${file}-20x`);
  }
});

test('the auditor reads what happened', async ({ person }) => {
  const page = await person('auditor');
  await page.getByRole('link', { name: '审计' }).click();
  await expect(page.getByRole('row').nth(3)).toBeVisible();
  await shot(page, 'audit');
});

test('everything is there in English and in light', async ({ person }) => {
  const page = await person('reader');
  await page.getByRole('button', { name: /的菜单/ }).click();
  await page.getByRole('menuitem', { name: 'English' }).click();
  await expect(page.getByRole('link', { name: 'Worklist' })).toBeVisible();
  await page.goto('/?tab=all');
  await expect(page.getByRole('row').filter({ hasText: question })).toHaveCount(1);
  await shot(page, 'worklist-english');
  await page.getByRole('button', { name: /menu/i }).click();
  await page.getByRole('menuitem', { name: /light|dark/i }).click();
  await expect(page.getByRole('menu')).toHaveCount(0);
  await shot(page, 'worklist-light');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toBeVisible();
  await shot(page, 'keys');
  await page.keyboard.press('Escape');
  await page.goto(caseAddress);
  await expect(page.getByTestId('slice')).toHaveText(/120/);
  await shot(page, 'reading-english-light');
});

test('the township doctor asks from a phone', async ({ person }) => {
  const page = await person('township', phone);
  await page.goto('/?tab=all');
  await expect(page.getByRole('link').filter({ hasText: question })).toBeVisible();
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-worklist');
  await page.getByRole('link', { name: '申请会诊' }).click();
  await expect(page.getByRole('heading', { name: '申请会诊' })).toBeVisible();
  await page.getByPlaceholder('姓名/拼音/患者号/检查号…').fill('lxy');
  await page.getByRole('listitem').filter({ hasText: '李秀英' }).first().getByRole('button').click();
  await page.getByLabel('问题').fill('手机上的申请：是否异型增生？');
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-ask');
  await page.getByLabel(/患者已知情同意/).check();
  await page.getByRole('button', { name: '发送申请' }).click();
  await page.waitForURL(/\/cases\/[^/]+$/);
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-case');
  await page.goto(`${caseAddress}/report`);
  await expect(verdict(page).getByText('签名有效', { exact: true })).toBeVisible();
  await expect(page.getByRole('link', { name: '下载 PDF' })).toBeVisible();
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-report');
});
