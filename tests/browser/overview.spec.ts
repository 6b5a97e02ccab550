/** What coordinators and administrators look at: duty and shifts, charts, the store. */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { askOfChest } from './asking.ts';
import { manifest, program } from './node.ts';
import { expect, expectNoSidewaysScroll, json, phone, shot, test } from './people.ts';

test.describe.configure({ timeout: 120_000 });

const hour_ms = 3_600_000;

/** A moment in the browser's time zone, which is Shanghai's (UTC+8), as a field for one wants it. */
function local(days: number, hour: number): string {
  const there = new Date(Date.now() + (8 + 24 * days) * hour_ms);
  return `${there.toISOString().slice(0, 10)}T${String(hour).padStart(2, '0')}:00`;
}

test('a coordinator plans a shift that begins by itself, and takes it back', async ({ person, tolerate }) => {
  // The refusal is shown beside the fields.
  tolerate(/status of 422/);
  const page = await person('coordinator');
  await page.getByRole('link', { name: '分配', exact: true }).click();
  await expect(page.getByLabel('刘洋值班')).toBeChecked();
  await page.getByLabel('刘洋值班').press('Space');
  await expect(page.getByLabel('刘洋值班')).not.toBeChecked();

  await page.getByRole('button', { name: '刘洋的排班' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('上岗').fill(local(1, 8));
  await dialog.getByLabel('下岗').fill(local(1, 16));
  await dialog.getByRole('button', { name: '加一班' }).click();
  const shifts = dialog.getByRole('table', { name: '排班' });
  await expect(shifts.getByRole('row')).toHaveCount(1);
  await shot(page, 'duty-shifts');
  // Two shifts at once would end each other.
  await dialog.getByLabel('上岗').fill(local(1, 12));
  await dialog.getByLabel('下岗').fill(local(1, 20));
  const refused = page.waitForResponse((answer) => answer.url().endsWith('/shifts') && answer.status() === 422);
  await dialog.getByRole('button', { name: '加一班' }).click();
  await refused;
  await expect(dialog.getByRole('alert')).toContainText('与此人的另一班重叠');
  // One that has begun already puts on duty within seconds.
  await dialog.getByLabel('上岗').fill(local(-1, 8));
  await dialog.getByLabel('下岗').fill(local(1, 7));
  await dialog.getByRole('button', { name: '加一班' }).click();
  await expect(shifts.getByRole('row')).toHaveCount(2);
  await expect(shifts.getByText('正在值班')).toBeVisible({ timeout: 30_000 });
  await dialog.getByRole('button', { name: '关闭' }).last().click();
  await expect(page.getByLabel('刘洋值班')).toBeChecked();
  await expect(page.getByRole('row').filter({ hasText: '刘洋' })).toContainText('至 ');
  await shot(page, 'duty');
  await expectNoSidewaysScroll(page);

  // On call beside it: told what nobody else has answered.
  await expect(page.getByTestId('on-call')).toHaveText('现在没有人听班');
  await page.getByRole('button', { name: '刘洋的排班' }).click();
  await dialog.getByLabel('上岗').fill(local(-1, 8));
  await dialog.getByLabel('下岗').fill(local(1, 7));
  await dialog.getByLabel('听班').check();
  await dialog.getByRole('button', { name: '加一班' }).click();
  await expect(shifts.getByText('正在听班')).toBeVisible({ timeout: 30_000 });
  await shot(page, 'on-call-shift');
  await dialog.getByRole('button', { name: '关闭' }).last().click();
  await expect(page.getByTestId('on-call')).toContainText('听班：刘洋');
  await shot(page, 'on-call');
  await page.getByRole('button', { name: '刘洋的排班' }).click();
  await shifts.getByRole('row').filter({ hasText: '听班' }).getByRole('button', { name: '取消这一班' }).click();
  await expect(shifts.getByRole('row')).toHaveCount(2);
  await dialog.getByRole('button', { name: '取消这一班' }).first().click();
  await expect(shifts.getByRole('row')).toHaveCount(1);
  await dialog.getByRole('button', { name: '取消这一班' }).click();
  await expect(shifts).toHaveCount(0);
  await page.keyboard.press('Escape');

  const small = await person('coordinator', phone);
  await small.goto('/assignment');
  await expect(small.getByLabel('刘洋值班')).toBeVisible();
  await expectNoSidewaysScroll(small);
  await shot(small, 'phone-duty');
});

test('statistics are drawn, with their numbers beside them', async ({ person }) => {
  // Something to be counted, that waits for nobody.
  const township = await person('township');
  const api = township.request;
  const { id, version } = await askOfChest(township, { question: '统计' });
  await json(api, 'post', `/api/v1/consults/${id}/cancel`, { version, reason: '测试' });
  const page = await person('coordinator');
  await page.goto('/statistics');
  await page.getByText('图表', { exact: true }).click();
  await expect(page.getByRole('table', { name: '各医院申请量' })).toContainText('清河镇卫生院');
  await expect(page.getByRole('table', { name: '各检查类型申请量' })).toContainText('CT');
  const { rows } = await json<{ rows: { key: string; median_min: number | null; target_min: number | null }[] }>(
    page.request,
    'get',
    `/api/v1/statistics?by=month&from=2025-01-01T00:00:00Z&until=2099-01-01T00:00:00Z`,
  );
  const month = rows.at(-1);
  const drawn = page.getByRole('figure', { name: '每月用时' });
  if (month === undefined) throw new Error('nothing was asked');
  // What was asked has an agreed time: there is something to draw.
  expect(month.target_min).not.toBeNull();
  const row = drawn.getByRole('row').filter({ has: page.getByRole('rowheader', { name: month.key, exact: true }) });
  await expect(row.getByRole('cell').nth(0)).toHaveText(`${month.median_min ?? '–'}`);
  await expect(row.getByRole('cell').nth(2)).toHaveText(`${month.target_min}`);
  await expect(drawn.getByRole('img', { name: '每月用时' })).toBeVisible();
  await expectNoSidewaysScroll(page);
  await shot(page, 'statistics-charts');
});

test('the administrator sees how the store is, and that a backup was made', async ({ person }) => {
  const page = await person('admin');
  await page.getByRole('tab', { name: '存储' }).click();
  const warnings = page.getByRole('list', { name: '需要处理' });
  await expect(warnings).toContainText('从未校验过存储');
  await expect(page.getByRole('region', { name: '保存的内容' })).toContainText('SQLite');
  await shot(page, 'store');
  const data = dirname(manifest());
  execFileSync(program(), ['fsck', '--data', data]);
  // What the page shows is some seconds old at most.
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('region', { name: '维护' })).toContainText('全部完好', { timeout: 1_000 });
  }).toPass({ timeout: 40_000 });
  await expect(warnings).not.toContainText('从未校验过存储');
  await shot(page, 'store-checked');

  const small = await person('admin', phone);
  await small.goto('/admin?tab=store');
  await expect(small.getByRole('region', { name: '磁盘' })).toBeVisible();
  await expectNoSidewaysScroll(small);
  await shot(small, 'phone-store');
});
