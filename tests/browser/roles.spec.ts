/** One case through one day, as each role sees it: the first page, the places that there are, those that are not theirs, the keys. */
import type { Page } from '@playwright/test';
import { draftOfChest } from './asking.ts';
import { account } from './node.ts';
import { expect, json, test } from './people.ts';

test.describe.configure({ mode: 'serial', timeout: 120_000 });

const mark = Date.now().toString().slice(-8);
const question = `肺部小结节随访，较前有无变化？${mark}`;
let id = '';

/** Everybody's places, by the role that has them. */
const places = {
  工作列表: '/',
  检查: '/studies',
  切片: '/slides',
  患者: '/patients',
  上传切片: '/uploads',
  预约: '/orders',
  统计: '/statistics',
  分配: '/assignment',
  更正: '/corrections',
  去标识导出: '/deidentify',
  设备: '/devices',
  报告模板: '/templates',
  管理: '/admin',
  紧急访问: '/emergency',
  审计: '/audit',
} as const;
type Name = keyof typeof places;

/** Another address in the same page, as by a link. */
async function go(page: Page, address: string): Promise<void> {
  await page.evaluate((to) => {
    window.history.pushState(null, '', to);
    window.dispatchEvent(new PopStateEvent('popstate', { state: null }));
  }, address);
}

/** The navigation has these places and no others; the addresses of the others say whose they are not. */
async function expectPlaces(page: Page, theirs: readonly Name[]): Promise<void> {
  const links = page.getByRole('navigation', { name: '导航' }).getByRole('link');
  await expect(links).toHaveText([...theirs]);
  const others = (Object.keys(places) as Name[]).filter((name) => !theirs.includes(name) && places[name] !== '/');
  for (const name of others) {
    await go(page, places[name]);
    await expect(page.getByText('没有权限', { exact: true }), `${name} is not theirs`).toBeVisible();
  }
  await go(page, '/');
}

function row(page: Page) {
  return page.getByRole('row').filter({ hasText: mark });
}

/** What the interface for programs answers this person. */
async function status(page: Page, path: string): Promise<number> {
  return (await page.request.get(path)).status();
}

test('the township doctor asks, and sees where the question is', async ({ person }) => {
  const page = await person('township');
  await expect(page.getByRole('link', { name: '申请会诊' }).first()).toBeVisible();
  await expectPlaces(page, ['工作列表', '检查', '切片', '患者', '上传切片', '预约', '统计', '紧急访问']);
  for (const path of ['/api/v1/duty/overview', '/api/v1/admin/store', '/api/v1/admin/people', '/api/v1/audit']) {
    expect(await status(page, path), path).toBe(403);
  }

  ({ id } = await draftOfChest(page, { question }));
  await page.goto(`/ask?draft=${id}`);
  await expect(page.getByLabel('问题')).toHaveValue(question);
  await page.getByRole('button', { name: '发送申请' }).click();
  await page.waitForURL(`/cases/${id}`);
  await expect(page.getByText('已受理').first()).toBeVisible();
});

test('the coordinator sees who has what, and gives the case to a reader with a key', async ({ person }) => {
  const page = await person('coordinator');
  await expect(row(page).or(page.getByRole('tab', { name: /待领取/ })).first()).toBeVisible();
  await expectPlaces(page, ['工作列表', '检查', '切片', '患者', '预约', '统计', '分配', '设备', '报告模板']);
  await page.getByRole('link', { name: '分配', exact: true }).click();
  await page.getByRole('button', { name: /^待分配/ }).click();
  const pile = page.getByRole('region', { name: '待分配' });
  await pile.getByRole('listitem').filter({ has: page.locator(`a[href="/cases/${id}"]`) }).click({ position: { x: 2, y: 2 } });
  await page.keyboard.press('a');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: /王建国/ }).check();
  await dialog.getByRole('button', { name: '分配', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await expect(pile.locator(`a[href="/cases/${id}"]`)).toHaveCount(0);
  await page.getByRole('region', { name: '医师' }).getByRole('button', { name: '王建国', exact: true }).click();
  await expect(page.getByRole('region', { name: '王建国' }).locator(`a[href="/cases/${id}"]`)).toBeVisible();
});

test('the reader finds it first, writes, and signs without the mouse', async ({ person }) => {
  const page = await person('reader');
  await expectPlaces(page, ['工作列表', '检查', '切片', '患者', '紧急访问']);
  expect(await status(page, '/api/v1/duty/overview')).toBe(403);
  await expect(page).toHaveTitle('工作列表 · 远见 Farsight');
  await page.reload();
  await expect(row(page)).toContainText('已分配');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: '跳到内容' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await row(page).getByRole('link').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(`/cases/${id}`);
  // The title says where one is, and of nobody.
  await expect(page).toHaveTitle('会诊 · 远见 Farsight');
  await expect(page.getByRole('button', { name: '领取', exact: true })).toBeVisible();
  await page.keyboard.press('Control+Enter');
  const findings = page.getByLabel('影像所见');
  await expect(findings).toBeVisible();
  await page.keyboard.press('F2');
  await expect(findings).toBeFocused();
  await page.keyboard.type('右肺上叶结节，大小同前。');
  // Back to the images, where keys are the images' again, and to the text where it was left.
  await page.keyboard.press('Escape');
  await expect(page.getByRole('main')).toBeFocused();
  await expect(page).toHaveURL(`/cases/${id}`);
  await page.keyboard.press('F2');
  await expect(findings).toBeFocused();
  await page.keyboard.press('F2');
  await expect(page.getByRole('main')).toBeFocused();
  await page.keyboard.press('F2');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('诊断意见')).toBeFocused();
  await page.keyboard.type('右肺上叶结节，稳定。');
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await page.keyboard.press('Control+Enter');
  const passphrase = page.getByRole('dialog').getByLabel('签名口令', { exact: true });
  await expect(passphrase).toBeFocused();
  await page.keyboard.type(account('reader').signing_passphrase ?? '');
  await expect(page.getByRole('button', { name: '确认签名' })).toBeEnabled();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.goto('/');
  await expect(row(page)).toHaveCount(0);
});

test('the reviewer has nothing to sign where the agreement wants one signature', async ({ person }) => {
  const page = await person('reviewer');
  await expectPlaces(page, ['工作列表', '检查', '切片', '患者', '紧急访问']);
  const { state } = await json<{ state: string }>(page.request, 'get', `/api/v1/consults/${id}`);
  // The demonstration's agreement wants one signature (server/src/demo/cast.rs): the reader's was the last.
  expect(state).toBe('delivered');
  const { consults } = await json<{ consults: { id: string }[] }>(page.request, 'get', '/api/v1/consults?tab=review&limit=50');
  expect(consults.map((one) => one.id)).not.toContain(id);
  await page.getByRole('tab', { name: /待审核/ }).click();
  await expect(page.getByRole('tab', { name: /待审核/ })).toHaveAttribute('aria-selected', 'true');
  await expect(row(page)).toHaveCount(0);
});

test('the township reads the answer and closes the case', async ({ person }) => {
  const page = await person('township');
  await page.goto(`/cases/${id}`);
  await expect(page.getByText('右肺上叶结节，稳定。')).toBeVisible();
  await page.getByRole('button', { name: '确认收到', exact: true }).click();
  await expect(page.getByText('已完成').first()).toBeVisible();
});

test('the administrator sees accounts and the store, and no patient', async ({ person }) => {
  const page = await person('admin');
  await page.waitForURL('/admin');
  await expectPlaces(page, ['设备', '报告模板', '管理']);
  for (const path of [`/api/v1/consults/${id}`, '/api/v1/studies', '/api/v1/duty/overview']) {
    expect([403, 404], path).toContain(await status(page, path));
  }
  await page.goto('/admin?tab=store');
  await expect(page.getByRole('region', { name: '磁盘' })).toContainText('可用');
  await expect(page.getByRole('list', { name: '需要处理' })).toContainText('本节点没有备份记录');
  await expect(page.getByText(mark)).toHaveCount(0);
});
