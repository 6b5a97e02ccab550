/** A report by a template, by keyboard: fields, phrases, the page as it will be printed, an earlier report; and who writes templates. */
import type { Page } from '@playwright/test';
import { account, demo } from './node.ts';
import { expect as patient, shot, test } from './people.ts';

// Waiting costs nothing where a machine has a lot to do.
const expect = patient.configure({ timeout: 90_000 });

const asPerson = { headers: { 'X-Farsight': '1' } };

// Several people have the images open at once, which a browser without a graphics card draws slowly.
test.describe.configure({ mode: 'serial', timeout: 900_000 });
test.use({ actionTimeout: 120_000, navigationTimeout: 240_000 });

interface Made {
  id: string;
  version: number;
}

async function sent(page: Page, method: 'post' | 'put', path: string, data: unknown): Promise<Made> {
  const answer = await page.request[method](`/api/v1${path}`, { ...asPerson, data });
  expect(answer.ok(), await answer.text()).toBe(true);
  return (await answer.json()) as Made;
}

/** Asks about 张三's chest CT; the case is in the pool. */
async function asked(township: Page, question: string): Promise<Made> {
  const found = await township.request.get('/api/v1/studies?q=zs&limit=50');
  const { studies } = (await found.json()) as { studies: { study_instance_uid: string; modalities: string[]; instance_count: number; organisation: { id: string } }[] };
  const ct = studies.find((study) => study.modalities.includes('CT') && study.instance_count === 120);
  if (ct === undefined) throw new Error('the demonstration has no chest CT');
  const centre = demo().organisations.find(({ kind }) => kind === 'centre');
  const draft = await sent(township, 'post', '/consults', {
    reading_organisation: centre?.id,
    kind: 'diagnosis',
    urgency: 'urgent',
    study: { org: ct.organisation.id, study_instance_uid: ct.study_instance_uid },
    question,
    history: '',
    consent: true,
  });
  return sent(township, 'post', `/consults/${draft.id}/submit`, { version: draft.version });
}

/** Claimed and open in front of the reader. */
async function opened(township: Page, reader: Page, question: string): Promise<Made> {
  const waiting = await asked(township, question);
  const claimed = await sent(reader, 'post', `/consults/${waiting.id}/claim`, { version: waiting.version });
  await reader.goto(`/cases/${waiting.id}`);
  await expect(reader.getByText(question)).toBeVisible();
  return claimed;
}

test('a lung nodule is reported by keyboard alone', async ({ person }) => {
  const township = await person('township');
  const page = await person('reader');
  await sent(page, 'put', '/phrases/own', {
    version: 0,
    phrases: [{ abbreviation: 'jj', title: '结节', text: '{检查日期}：{部位}见结节，边缘{边缘}。' }],
  });
  await opened(township, page, '右上肺结节，请测量并分类。');

  const select = page.getByRole('combobox', { name: '报告模板' });
  await select.focus();
  await page.keyboard.type('肺结节');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('radiogroup', { name: '部位' })).toBeVisible();
  await expect(page.getByText(/^还缺：部位、密度、长径、肺结节分类/)).toBeVisible();
  await shot(page, 'report-template');

  // From the select on, only Tab, digits and letters.
  await page.keyboard.press('Tab');
  const focused = () => page.evaluate(() => document.activeElement?.closest('[role="radiogroup"], [role="group"]')?.getAttribute('aria-label') ?? document.activeElement?.getAttribute('aria-label') ?? '');
  for (let step = 0; step < 4 && (await focused()) !== '部位'; step += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('1');
  await page.keyboard.press('Tab');
  await page.keyboard.type('后段，第45层');
  await page.keyboard.press('Tab');
  await page.keyboard.press('2');
  await page.keyboard.press('Tab');
  await page.keyboard.type('1250');
  await expect(page.getByText(/数字，0\.5 至 300 mm/)).toBeVisible();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('12.5');
  await page.keyboard.press('Tab');
  await page.keyboard.type('9');
  await page.keyboard.press('Tab');
  await page.keyboard.type('4');
  await page.keyboard.press('Tab');
  await page.keyboard.press('2');
  await page.keyboard.press('3');
  await expect(page.getByRole('radio', { name: /右肺上叶/ })).toBeChecked();
  await expect(page.getByRole('radio', { name: /部分实性/ })).toBeChecked();
  await expect(page.getByRole('checkbox', { name: /毛刺/ })).toBeChecked();

  // A phrase by its abbreviation; Tab visits its places; what is known of the case is there.
  const findings = page.getByLabel('影像所见');
  await findings.focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('\n/jj');
  await page.keyboard.press('Tab');
  await expect(findings).toHaveValue(/\d{4}-\d{2}-\d{2}：\{部位\}见结节/);
  await page.keyboard.type('右上叶');
  await page.keyboard.press('Tab');
  await page.keyboard.type('毛糙');
  await expect(findings).toHaveValue(/右上叶见结节，边缘毛糙。$/);

  await page.getByRole('radiogroup', { name: /肺结节分类/ }).getByRole('radio').first().focus();
  await page.keyboard.press('6');
  await page.keyboard.press('Tab');
  await page.keyboard.type('右肺上叶部分实性结节，考虑微浸润性腺癌可能。');
  await expect(page.getByText('内容齐全')).toBeVisible();
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');

  // Another window has what was filled.
  await page.reload();
  await expect(page.getByRole('radio', { name: /4B/ })).toBeChecked();
  await expect(page.getByLabel('长径')).toHaveValue('12.5');
  await shot(page, 'report-filled');

  const drawn = page.waitForResponse((answer) => answer.url().includes('/report/draft.pdf'));
  await page.getByLabel('诊断意见').focus();
  await page.keyboard.press('Control+P');
  const answer = await drawn;
  expect(answer.headers()['content-type']).toBe('application/pdf');
  await expect(page.getByTitle('报告打印效果')).toBeVisible();
  await shot(page, 'report-preview');
  await page.keyboard.press('Control+P');

  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
});

test('the earlier report is one key away, is quoted, and is named', async ({ person }) => {
  const township = await person('township');
  const page = await person('reader');
  const waiting = await opened(township, page, '复查，与前片比较。');
  await page.keyboard.press('Control+D');
  const prior = page.getByRole('complementary', { name: '既往报告' });
  await expect(prior.getByText('12.5 mm')).toBeVisible({ timeout: 60_000 });
  await prior.getByRole('button', { name: '引用' }).first().click();
  await expect(page.getByLabel('影像所见')).toHaveValue(/> 长径 12\.5 mm/);
  await expect(prior.getByRole('checkbox', { name: '本报告与之对照' }).first()).toBeChecked();
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await shot(page, 'report-prior');
  const preview = (await (await page.request.get(`/api/v1/consults/${waiting.id}/report/preview`)).json()) as { canonical: { compared: unknown[] } };
  expect(preview.canonical.compared).toHaveLength(1);
});

test('the coordinator writes a template, readers get it once it is published', async ({ person }) => {
  const page = await person('coordinator');
  await page.getByRole('link', { name: '报告模板' }).click();
  await page.getByRole('button', { name: /肺结节/ }).click();
  await shot(page, 'templates');
  await page.getByRole('button', { name: '复制为新模板' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('名称').fill('肺结节（本院）');
  await dialog.getByRole('button', { name: '开始编写' }).click();
  await expect(dialog).toHaveCount(0);
  const field = page.getByRole('textbox', { name: '字段名称' }).first();
  await field.fill('肺叶');
  await expect(page.getByRole('region', { name: '模板预览' }).getByRole('radiogroup', { name: '肺叶' })).toBeVisible();
  await shot(page, 'template-editor');
  await page.getByRole('button', { name: '发布第 1 版' }).click();
  await expect(page.getByRole('button', { name: '发布第 2 版' })).toBeVisible();
  await page.getByRole('button', { name: '停用' }).click();
  await expect(page.getByRole('button', { name: '重新启用' })).toBeVisible();
});

test('an image goes into the report by one key, with its window, and stands on the signed page', async ({ person }) => {
  const township = await person('township');
  const page = await person('reader');
  const waiting = await opened(township, page, '右肺结节，请附关键图像。');
  const screen = page.getByTestId('viewport').first().getByRole('img', { name: /^影像/ });
  await expect(screen).toHaveAttribute('data-shown', 'true');
  const said = page.getByTestId('key-image-said');
  const figures = page.getByTestId('key-images').getByRole('listitem');

  for (let step = 0; step < 4; step += 1) await page.keyboard.press('PageDown');
  await expect(page.getByTestId('viewport').first()).toContainText('41');
  await page.keyboard.press('1');
  await page.keyboard.press('l');
  const box = await screen.boundingBox();
  if (box === null) throw new Error('the image has no place on the page');
  const at = (x: number, y: number): [number, number] => [box.x + box.width * x, box.y + box.height * y];
  await page.mouse.move(...at(0.4, 0.45));
  await page.mouse.down();
  await page.mouse.move(...at(0.5, 0.45), { steps: 4 });
  await page.mouse.move(...at(0.6, 0.45), { steps: 4 });
  await page.mouse.up();
  await expect(page.getByRole('region', { name: '测量' }).getByText(/ mm/).first()).toBeVisible();

  await page.keyboard.press('k');
  await expect(said).toHaveText('已放入报告，图 1');
  await page.keyboard.press('k');
  await expect(said).toHaveText('这一画面已在报告中');
  await page.keyboard.press('2');
  await page.keyboard.press('r');
  await page.keyboard.press('h');
  await page.getByRole('toolbar', { name: '图像工具' }).getByRole('button', { name: '关键图像' }).click();
  await expect(figures).toHaveCount(2);
  await expect(figures.nth(1)).toHaveAttribute('data-saved', 'true');
  await page.getByLabel('图 1 说明').fill('右肺上叶结节，肺窗');
  await page.getByRole('button', { name: '图 2 前移' }).click();
  await expect(page.getByLabel('图 2 说明')).toHaveValue('右肺上叶结节，肺窗');
  await page.getByLabel('影像所见').fill('右肺上叶见一结节，见图 2。');
  await page.getByLabel('诊断意见').fill('右肺上叶结节。');
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await shot(page, 'report-key-images');

  interface Frame {
    name: string;
    frame: number;
    window_width: string;
    rotation_deg: string;
    mirrored: boolean;
    marks?: { kind: string; label: string }[];
  }
  const preview = (await (await page.request.get(`/api/v1/consults/${waiting.id}/report/preview`)).json()) as { canonical: { key_images: Frame[] } };
  const [turned, plain] = preview.canonical.key_images;
  expect(plain).toMatchObject({ name: '右肺上叶结节，肺窗', window_width: '1500', rotation_deg: '0', mirrored: false });
  expect(plain?.marks?.[0]).toMatchObject({ kind: 'line', label: expect.stringMatching(/mm$/) as unknown });
  expect(turned).toMatchObject({ name: '', window_width: '400', mirrored: true });

  // Elsewhere, and back by a click.
  await screen.click({ button: 'middle' });
  await page.keyboard.press('Home');
  await page.getByRole('button', { name: '在影像中打开图 2' }).click();
  await expect(page.getByTestId('viewport').first()).toContainText('W 1500');
  await expect(page.getByTestId('viewport').first()).toContainText('41');
  await shot(page, 'report-key-image-opened');

  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('img', { name: /^关键图像 2/ })).toBeVisible();
  await dialog.getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
  const pdf = await page.request.get(`/api/v1/consults/${waiting.id}/report.pdf`);
  expect(pdf.ok()).toBe(true);
  await test.info().attach('report-key-images.pdf', { body: await pdf.body(), contentType: 'application/pdf' });
  const verdict = (await (await page.request.get(`/api/v1/consults/${waiting.id}/verify`)).json()) as { ok: boolean };
  expect(verdict.ok).toBe(true);
});
