/**
 * When things go wrong while somebody works: each says what happened and what to do, and no typed word is lost.
 * A line that is cut during an upload is in uploads.spec.ts, one that is cut while notes are drawn in notes.spec.ts.
 */
import type { Locator, Page } from '@playwright/test';
import { account, demo } from './node.ts';
import { expect as patient, shot, test } from './people.ts';
import { ask, chestOf, ownNode } from './stage.ts';

// Waiting costs nothing where a machine has a lot to do.
const expect = patient.configure({ timeout: 60_000 });

test.describe.configure({ mode: 'serial', timeout: 600_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });

// It is restarted, and somebody in it loses a role.
const { node, cast } = ownNode('trouble');

const findings = (page: Page) => page.getByLabel('影像所见');
const saveState = (page: Page) => page.getByTestId('save-state');

/** A question about 张三's CT that a reader has claimed and opened. */
async function writing(page: Page, login: string, question: string): Promise<string> {
  const { id } = await ask(cast, await chestOf(cast), 'urgent', question);
  await cast.step('township', id, 'submit');
  await cast.step(login, id, 'claim');
  await open(page, id);
  return id;
}

async function open(page: Page, id: string): Promise<void> {
  await page.goto(`/cases/${id}`);
  await expect(findings(page)).toBeVisible();
}

async function onServer(login: string, id: string): Promise<string> {
  const { report } = await cast.get<{ report: { findings: string } | null }>(login, `/consults/${id}`);
  return report?.findings ?? '';
}

test('the session ends in the middle of a report: log in over the page and go on', async ({ person, tolerate }) => {
  tolerate(/status of 401|WebSocket/);
  const page = await person('reader');
  const id = await writing(page, 'reader', '登录过期时');
  await findings(page).fill('右肺上叶结节，');
  await expect(saveState(page)).toHaveAttribute('data-state', 'saved');
  // It ends at the server, as when its time is over.
  const ended = await page.request.delete('/api/v1/session', { headers: { 'X-Farsight': '1' } });
  expect(ended.ok()).toBe(true);
  await findings(page).fill('右肺上叶结节，边缘毛糙。');
  const dialog = page.getByRole('dialog', { name: '登录已过期' });
  await expect(dialog).toContainText('页面上的内容都还在');
  await shot(page, 'trouble-session');
  await dialog.getByLabel('密码', { exact: true }).fill(account('reader').password);
  await dialog.getByRole('button', { name: '登录', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await expect(findings(page)).toHaveValue('右肺上叶结节，边缘毛糙。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'saved');
  expect(await onServer('reader', id)).toBe('右肺上叶结节，边缘毛糙。');
  // Images that were refused meanwhile come by themselves.
  await page.getByRole('img', { name: '影像' }).hover();
  for (let step = 0; step < 3; step += 1) await page.mouse.wheel(0, 100);
  await expect(page.getByTestId('slice')).not.toHaveText('图像 1 / 120');
  await expect(page.getByRole('alert').filter({ hasText: '无法显示' })).toHaveCount(0);
});

test('an image that cannot be decoded is named, and the others are read as usual', async ({ person, tolerate }) => {
  tolerate(/./);
  const page = await person('reader');
  let damaged = '';
  const shown = page.getByTestId('slice');
  // Of the third image that is asked for, half arrives; images that have been fetched are not asked for again.
  await page.route(/\/instances\/[^/]+\/frames\/1$/, async (route) => {
    const uid = /instances\/([^/]+)/.exec(route.request().url())?.[1] ?? '';
    if (damaged !== uid) return route.fallback();
    const answer = await route.fetch();
    return route.fulfill({ response: answer, body: (await answer.body()).subarray(0, 999) });
  });
  const { organisation, study_instance_uid: study } = await chestOf(cast);
  const listed = await page.request.get(`/dicom-web/orgs/${organisation.id}/studies/${study}/instances?includefield=00200013`);
  const instances = (await listed.json()) as Record<string, { Value: [string | number] }>[];
  damaged = String(instances.find((one) => Number(one['00200013']?.Value[0]) === 3)?.['00080018']?.Value[0] ?? '');
  expect(damaged).not.toBe('');
  await writing(page, 'reader', '有一幅图像已损坏');
  await expect(shown).toHaveText('图像 1 / 120');
  const notice = page.getByRole('alert').filter({ hasText: '第 3 幅图像无法显示' });
  await page.keyboard.press('ArrowDown');
  await expect(shown).toHaveText('图像 2 / 120');
  await expect(notice).toHaveCount(0);
  await page.keyboard.press('ArrowDown');
  await expect(notice).toContainText('其他图像可以照常翻看');
  await shot(page, 'trouble-image');
  await page.keyboard.press('ArrowUp');
  await expect(notice).toHaveCount(0);
  await page.keyboard.press('ArrowDown');
  await expect(notice).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await expect(shown).toHaveText('图像 4 / 120');
  await expect(notice).toHaveCount(0);
  // Sound again at the next look.
  damaged = '';
  await page.keyboard.press('ArrowUp');
  await expect(shown).toHaveText('图像 3 / 120');
});

test('two windows with one report: the idle one follows, and where both have words a person chooses', async ({ person, tolerate }) => {
  tolerate(/ERR_FAILED|status of 4/);
  const first = await person('reader');
  const id = await writing(first, 'reader', '两个窗口');
  const second = await first.context().newPage();
  await open(second, id);
  await findings(first).fill('甲窗写的。');
  await expect(findings(second)).toHaveValue('甲窗写的。');
  await expect(saveState(second)).toHaveText('另一窗口刚刚保存，这里已同步');

  // The second has no line for a while, and somebody writes in both.
  await second.route('**/consults/*/report', (route) => route.abort());
  await findings(second).fill('甲窗写的。乙窗补充。');
  await expect(saveState(second)).toHaveAttribute('data-state', 'offline');
  await findings(first).fill('甲窗又写的。');
  await expect(saveState(first)).toHaveAttribute('data-state', 'saved');
  await second.unroute('**/consults/*/report');
  const choice = second.getByTestId('overtaken');
  await expect(choice).toContainText('这份报告在别处改过');
  await expect(choice).toContainText('乙窗补充');
  await shot(second, 'trouble-windows');
  expect(await onServer('reader', id)).toBe('甲窗又写的。');

  // Undecided words outlive what the other window saves, and the window itself.
  await findings(first).fill('甲窗又写的。完。');
  await expect(saveState(first)).toHaveAttribute('data-state', 'saved');
  await second.close();
  const third = await first.context().newPage();
  await third.goto(`/cases/${id}`);
  const again = third.getByTestId('overtaken');
  await expect(again).toContainText('乙窗补充');
  await again.getByRole('button', { name: '用本机的' }).click();
  await expect(findings(third)).toHaveValue('甲窗写的。乙窗补充。');
  await expect.poll(() => onServer('reader', id)).toBe('甲窗写的。乙窗补充。');
  await expect(findings(first)).toHaveValue('甲窗写的。乙窗补充。');
});

test('the case is handed to a colleague while somebody writes', async ({ person, tolerate }) => {
  tolerate(/ERR_FAILED|status of 4/);
  const page = await person('reader');
  const id = await writing(page, 'reader', '转给别人');
  await findings(page).fill('已保存的一句。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'saved');
  await page.route('**/consults/*/report', (route) => route.abort());
  await findings(page).fill('已保存的一句。没来得及送出的一句。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'offline');
  await cast.step('coordinator', id, 'assign', { person: 'demo-reader2', reason: '值班调整' });
  const notice = page.getByTestId('lost-case');
  await expect(notice).toContainText('这例现在由刘洋处理');
  await expect(notice.getByLabel('没有送到服务器的文字')).toHaveValue(/没来得及送出的一句/);
  await shot(page, 'trouble-handed-over');
  // The colleague begins, and the page is opened anew: the words are still there.
  await cast.step('reader2', id, 'claim');
  await page.unroute('**/consults/*/report');
  await page.reload();
  await expect(notice.getByLabel('没有送到服务器的文字')).toHaveValue(/没来得及送出的一句/);
  expect(await onServer('reader2', id)).toBe('已保存的一句。');

  // It comes back, and so do the words.
  await cast.step('coordinator', id, 'assign', { person: 'demo-reader', reason: '' });
  await page.getByRole('button', { name: '领取', exact: true }).click();
  await expect(findings(page)).toHaveValue('已保存的一句。没来得及送出的一句。');
  await expect.poll(() => onServer('reader', id)).toBe('已保存的一句。没来得及送出的一句。');
  await expect(notice).toHaveCount(0);
});

test('a role is taken away while somebody writes', async ({ person, tolerate }) => {
  tolerate(/status of 4|WebSocket|ERR_FAILED/);
  const page = await person('reader2');
  const id = await writing(page, 'reader2', '角色被收回');
  await findings(page).fill('已保存的一句。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'saved');
  const admin = await cast.as('admin');
  const { people } = await cast.get<{ people: { id: string; etag: string }[] }>('admin', '/admin/people?organisation=city-centre');
  const etag = people.find(({ id: one }) => one === 'demo-reader2')?.etag ?? '';
  // The words are on their way when the role goes.
  await page.route('**/report', (route) => (route.request().method() === 'PUT' ? route.abort() : route.fallback()));
  await findings(page).fill('已保存的一句。没来得及送出的一句。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'offline');
  const changed = await admin.put('/api/v1/admin/people/demo-reader2/roles', { headers: { 'If-Match': `"${etag}"` }, data: { roles: ['coordinator'] } });
  expect(changed.ok(), await changed.text()).toBe(true);
  await page.unroute('**/report');
  const notice = page.getByTestId('lost-case');
  await expect(notice).toContainText('您已没有写这份报告的权限');
  await expect(notice).toContainText('请联系调度或管理员');
  await expect(notice.getByLabel('没有送到服务器的文字')).toHaveValue(/没来得及送出的一句/);
  await shot(page, 'trouble-role');
  expect(await onServer('coordinator', id)).toBe('已保存的一句。');

  // Nothing at all may be seen any more: the words are there all the same.
  await page.route(`**/api/v1/consults/${id}`, (route) => route.fulfill({ status: 404, contentType: 'application/problem+json', body: '{"type":"/problems/not-found"}' }));
  await page.reload();
  const closed = page.getByTestId('lost-access');
  await expect(closed).toContainText('没有找到');
  await expect(closed.getByLabel('没有送到服务器的文字')).toHaveValue(/没来得及送出的一句/);
  await closed.getByRole('button', { name: '不再保留' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '不再保留' }).click();
  await expect(closed.getByLabel('没有送到服务器的文字')).toHaveCount(0);
});

test('the server is restarted in the middle of a report', async ({ person, tolerate }) => {
  tolerate(/ERR_CONNECTION|ERR_EMPTY|ERR_FAILED|WebSocket|Failed to fetch/);
  const page = await person('reader');
  const id = await writing(page, 'reader', '服务器重启');
  await findings(page).fill('重启之前。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'saved');
  const { host } = new URL(demo().base_url);
  await node.stop('SIGKILL');
  await findings(page).fill('重启之前。没有服务器时写的。');
  await expect(saveState(page)).toHaveAttribute('data-state', 'offline');
  await expect(saveState(page)).toHaveText('服务器没有应答，内容保存在本机，恢复后自动保存');
  await expect(page.getByText('连不上服务器。已写的内容保存在本机，恢复后自动继续。')).toBeVisible();
  await shot(page, 'trouble-restart');
  await node.start(host, ['--no-samples']);
  await expect(saveState(page)).toHaveAttribute('data-state', 'saved');
  await expect(page.getByText(/^连不上服务器/)).toHaveCount(0);
  await expect(findings(page)).toHaveValue('重启之前。没有服务器时写的。');
  const { report } = (await (await page.request.get(`/api/v1/consults/${id}`)).json()) as { report: { findings: string } };
  expect(report.findings).toBe('重启之前。没有服务器时写的。');
});

test('a row at the lower edge of the list opens when it is pressed, and the keyboard brings a row into sight whole', async ({ person }) => {
  const questions = Array.from({ length: 30 }, (_, number) => `下缘 ${number + 1} 止`);
  for (const question of questions) {
    const { id } = await ask(cast, await chestOf(cast), 'routine', question);
    await cast.step('township', id, 'submit');
  }
  const page = await person('township');
  const rows = page.getByRole('row').filter({ has: page.getByRole('link') });
  const chosen = page.locator('tr[aria-current]');
  const height = page.viewportSize()?.height ?? 0;
  await expect(rows.nth(24)).toBeAttached();
  const lower = async (of: Locator) => {
    const box = await of.boundingBox();
    return box === null ? Infinity : box.y + box.height;
  };
  // The list goes along until all of the chosen row is in sight, and no further than it must.
  for (let step = 0; step < 25; step += 1) {
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => lower(chosen)).toBeLessThanOrEqual(height);
  }

  // The row that is cut by the edge is pressed where it can be seen.
  await page.mouse.move(720, height - 3);
  const cut = page.locator('tr:hover');
  await expect(cut).toHaveCount(1);
  const address = (await cut.getByRole('link').first().getAttribute('href')) ?? '';
  await page.mouse.down();
  await page.waitForTimeout(150);
  await page.mouse.up();
  await page.waitForURL(`**${address}`);
});
