/** Alarms, messages, notices and the live line, in Chromium as the people of both sides. */
import type { Page, ViewportSize } from '@playwright/test';
import { askOfChest } from './asking.ts';
import { account, demo } from './node.ts';
import { expect, expectNoSidewaysScroll, json, phone, shot, test } from './people.ts';

interface Case {
  id: string;
  number: string;
}

const own = { 'X-Farsight': '1' };

type Visitor = (viewport?: ViewportSize) => Promise<Page>;

/** A browser of one's own with a session, and no page open yet: what is tried here begins after the log-in. */
async function enter(visitor: Visitor, login: string, viewport?: ViewportSize): Promise<Page> {
  const page = await visitor(viewport);
  const answer = await page.request.post('/api/v1/session', { data: { login, password: account(login).password } });
  expect(answer.status()).toBe(200);
  return page;
}

/** A question in the pool. */
const ask = (township: Page, question: string): Promise<Case> => askOfChest(township, { question, urgency: 'urgent', history: '突发胸痛' });

/** No alarm is left behind for the other tests. */
async function quiet(township: Page): Promise<void> {
  const { consults } = await json<{ consults: { consult: string; findings: { n: number; acknowledged: object | null; withdrawn: object | null }[] }[] }>(township.request, 'get', '/api/v1/critical');
  for (const { consult, findings } of consults)
    for (const { n, acknowledged, withdrawn } of findings)
      if (acknowledged === null && withdrawn === null) await json(township.request, 'post', `/api/v1/consults/${consult}/critical/${n}/acknowledge`, { read_back: '测试结束' });
}

test('the worklist changes without a reload when somebody asks, claims, and asks from elsewhere', async ({ visitor }) => {
  const [reader, township] = [await enter(visitor, 'reader'), await enter(visitor, 'township')];
  await reader.goto('/?tab=all');
  await expect(reader.getByRole('tablist', { name: '工作列表分类' })).toBeVisible();
  // Asking again, as pages do anyway, takes ten seconds here, and half a minute or more elsewhere.
  const asked = await ask(township, '实时更新：新申请');
  await expect(reader.getByText('实时更新：新申请')).toBeVisible({ timeout: 9_000 });
  await township.goto(`/cases/${asked.id}`);
  await expect(township.getByText('已受理').first()).toBeVisible();
  const { version } = await json<{ version: number }>(reader.request, 'get', `/api/v1/consults/${asked.id}`);
  await json(reader.request, 'post', `/api/v1/consults/${asked.id}/claim`, { version });
  await expect(township.getByRole('list', { name: '进度' }).getByText('王建国').first()).toBeVisible();
});

test('a cut line is said quietly, pages still refresh, and it comes back by itself', async ({ visitor, tolerate }) => {
  tolerate(/WebSocket connection to .* failed|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION/);
  const township = await enter(visitor, 'township');
  let cut = false;
  await township.routeWebSocket(/\/api\/v1\/live/, async (socket) => {
    if (cut) await socket.close({ code: 1011 });
    else {
      const server = socket.connectToServer();
      const timer = setInterval(() => {
        if (!cut) return;
        clearInterval(timer);
        void socket.close({ code: 1011 });
        void server.close();
      }, 50);
    }
  });
  await township.goto('/');
  await expect(township.getByRole('navigation', { name: '导航' })).toBeVisible();
  await township.waitForTimeout(1_000);
  cut = true;
  await expect(township.getByText('实时更新中断')).toBeVisible();
  await shot(township, 'live-down');
  cut = false;
  await expect(township.getByText('实时更新中断')).toHaveCount(0, { timeout: 40_000 });
});

test('a critical finding stands over every page until it is read back', async ({ visitor }) => {
  const [reader, township] = [await enter(visitor, 'reader'), await enter(visitor, 'township')];
  await quiet(township);
  const asked = await ask(township, '气胸？危急值测试');
  await township.goto('/studies');
  await reader.goto(`/cases/${asked.id}`);
  await reader.getByRole('button', { name: '危急值', exact: true }).click();
  const dialog = reader.getByRole('dialog', { name: '报告危急值' });
  await dialog.getByLabel('危急值项目').fill('张力性气胸');
  await reader.keyboard.press('Escape');
  await reader.mouse.click(5, 5);
  await expect(dialog.getByLabel('危急值项目')).toHaveValue('张力性气胸');
  await dialog.getByLabel('补充说明').fill('右侧，纵隔左移');
  await shot(reader, 'critical-raise');
  const began = Date.now();
  await dialog.getByRole('button', { name: '立即报警' }).click();

  const banner = township.getByTestId('critical-banner');
  await expect(banner).toContainText('张力性气胸');
  console.log(`alarm on the requester's screen: ${Date.now() - began} ms after the click`);
  await shot(township, 'critical-banner');
  for (const place of ['/', '/slides', `/cases/${asked.id}`]) {
    await township.goto(place);
    await expect(banner).toContainText('张三');
  }
  await expect(reader.getByText('尚未确认，已报警 1 次')).toBeVisible();
  await shot(reader, 'critical-waiting');
  await expect(township.getByRole('link', { name: asked.number }).first()).toBeVisible();

  await banner.getByRole('button', { name: '复述确认' }).click();
  const answer = township.getByRole('dialog', { name: /确认危急值/ });
  await expect(answer.getByRole('button', { name: '确认已接收' })).toBeDisabled();
  await answer.getByLabel('复述内容').fill('右侧张力性气胸，立即穿刺减压');
  await shot(township, 'critical-read-back');
  await answer.getByRole('button', { name: '确认已接收' }).click();
  await expect(banner).toHaveCount(0);
  await expect(reader.getByText('右侧张力性气胸，立即穿刺减压')).toBeVisible();
  await shot(reader, 'critical-answered');
});

test('a critical finding that was raised by mistake is withdrawn, and the township is told at once', async ({ visitor }) => {
  const [reader, township] = [await enter(visitor, 'reader'), await enter(visitor, 'township')];
  const asked = await ask(township, '撤回危急值');
  await json(reader.request, 'post', `/api/v1/consults/${asked.id}/critical`, { finding: '主动脉夹层（误报）' });
  await township.goto('/');
  const banner = township.getByTestId('critical-banner').getByRole('listitem').filter({ hasText: '主动脉夹层（误报）' });
  await expect(banner).toBeVisible();

  await reader.goto(`/cases/${asked.id}`);
  const list = reader.getByRole('region', { name: '危急值' });
  await list.getByRole('button', { name: '撤回' }).click();
  const dialog = reader.getByRole('dialog', { name: /撤回危急值/ });
  await expect(dialog.getByRole('button', { name: '撤回', exact: true })).toBeDisabled();
  await shot(reader, 'critical-withdraw');
  await dialog.getByRole('textbox', { name: '撤回原因', exact: true }).fill('看错患者');
  await dialog.getByRole('button', { name: '撤回', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await expect(list.getByText('看错患者')).toBeVisible();
  await expect(list.getByRole('button', { name: '撤回' })).toHaveCount(0);

  const said = township.getByTestId('critical-withdrawn');
  await expect(said).toContainText('看错患者');
  await expect(banner).toHaveCount(0);
  await shot(township, 'critical-withdrawn');
  await said.getByRole('button', { name: '知道了' }).click();
  await expect(said).toHaveCount(0);
  await township.goto(`/cases/${asked.id}`);
  await expect(township.getByRole('region', { name: '危急值' }).getByText('看错患者')).toBeVisible();
  await shot(township, 'critical-withdrawn-case');
});

test('an alarm is answered on a phone', async ({ visitor }) => {
  const [reader, township] = [await enter(visitor, 'reader'), await enter(visitor, 'township', phone)];
  await quiet(township);
  const asked = await ask(township, '手机上的危急值');
  await township.goto('/');
  const raised = await reader.request.post(`/api/v1/consults/${asked.id}/critical`, { headers: own, data: { finding: '急性主动脉夹层\n累及升主动脉' } });
  expect(raised.status()).toBe(201);
  const banner = township.getByTestId('critical-banner');
  await expect(banner).toContainText('急性主动脉夹层');
  await expectNoSidewaysScroll(township);
  await shot(township, 'critical-banner-phone');
  await banner.getByRole('button', { name: '复述确认' }).click();
  await township.getByLabel('复述内容').fill('主动脉夹层A型，联系120转诊');
  await shot(township, 'critical-read-back-phone');
  await township.getByRole('button', { name: '确认已接收' }).click();
  await expect(banner).toHaveCount(0);
});

test('the two sides write to each other, live, and text stays text', async ({ visitor }) => {
  const [reader, township] = [await enter(visitor, 'reader'), await enter(visitor, 'township')];
  const asked = await ask(township, '留言测试');
  await township.goto(`/cases/${asked.id}`);
  await township.getByRole('button', { name: '留言' }).click();
  await expect(township.getByText('还没有留言')).toBeVisible();
  const drawer = township.getByRole('dialog', { name: `留言 ${asked.number}` });
  await drawer.getByLabel('写留言').fill(`<script>alert(1)</script> 请看 ${demo().base_url}/cases/${asked.id}`);
  await drawer.getByRole('button', { name: '发送' }).click();
  await expect(drawer.getByText('<script>alert(1)</script>')).toBeVisible();
  await expect(drawer.getByRole('link', { name: /\/cases\// })).toHaveAttribute('href', `/cases/${asked.id}`);

  await reader.goto(`/cases/${asked.id}`);
  await reader.getByRole('button', { name: /^留言/ }).click();
  const there = reader.getByRole('dialog', { name: `留言 ${asked.number}` });
  await expect(there.getByText('<script>alert(1)</script>')).toBeVisible();
  await there.getByLabel('写留言').fill('收到，正在阅片');
  await reader.keyboard.press('Control+Enter');
  await expect(drawer.getByText('收到，正在阅片')).toBeVisible();
  await shot(township, 'messages');
  await shot(reader, 'messages-reader');
  await drawer.getByRole('button', { name: '关闭' }).click();
  await there.getByLabel('写留言').fill('请补充既往片');
  await reader.keyboard.press('Control+Enter');
  await expect(township.getByRole('button', { name: '留言（1 条未读）' })).toBeVisible();
  await expect(township.getByRole('button', { name: /^通知（/ })).toBeVisible();
});

test('a message whose answer was lost is sent again and is there once, also after the page was loaded again', async ({ visitor, tolerate }) => {
  tolerate(/ERR_CONNECTION_RESET/);
  const township = await enter(visitor, 'township');
  const asked = await ask(township, '留言的回答丢失');
  const sent: { text: string; once: string }[] = [];
  let lost = 1;
  await township.route('**/api/v1/consults/*/messages', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    sent.push(route.request().postDataJSON() as { text: string; once: string });
    // The server has taken it by then.
    const answer = await route.fetch();
    expect(answer.ok()).toBe(true);
    if (lost === 0) return route.fulfill({ response: answer });
    lost -= 1;
    return route.abort('connectionreset');
  });
  const texts = async () => {
    const { messages } = await json<{ messages: { text: string }[] }>(township.request, 'get', `/api/v1/consults/${asked.id}/messages`);
    return messages.map(({ text }) => text);
  };
  const open = async () => {
    await township.goto(`/cases/${asked.id}`);
    await township.getByRole('button', { name: /^留言/ }).click();
    return township.getByRole('dialog', { name: `留言 ${asked.number}` });
  };
  const drawer = await open();
  const [text, send] = [drawer.getByLabel('写留言'), drawer.getByRole('button', { name: '发送' })];
  const there = drawer.getByRole('log').getByText('请先看肝右叶', { exact: true });
  await text.fill('请先看肝右叶');
  await send.click();
  await expect(there).toBeVisible({ timeout: 30_000 });
  await expect(text).toHaveValue('');
  expect(sent).toHaveLength(2);
  expect(new Set(sent.map(({ once }) => once)).size).toBe(1);
  expect(await texts()).toEqual(['请先看肝右叶']);

  // None of the tries is answered, and the page is loaded again: what was typed is there, and is still the same message.
  lost = 4;
  await text.fill('已通知家属');
  await send.click();
  await expect(drawer.getByRole('alert')).toBeVisible({ timeout: 60_000 });
  await shot(township, 'message-not-answered');
  expect(lost).toBe(0);
  await open();
  await expect(text).toHaveValue('已通知家属');
  await send.click();
  await expect(text).toHaveValue('');
  expect(await texts()).toEqual(['请先看肝右叶', '已通知家属']);
  expect(new Set(sent.map(({ once }) => once)).size).toBe(2);

  // The same words said twice are two messages.
  await text.fill('已通知家属');
  await send.click();
  await expect(text).toHaveValue('');
  expect(await texts()).toEqual(['请先看肝右叶', '已通知家属', '已通知家属']);
});

test('a slide\'s field of view goes along with a message and opens again', async ({ visitor }) => {
  const township = await enter(visitor, 'township');
  const { studies } = await json<{ studies: { study_instance_uid: string; organisation: { id: string }; slide_ids: string[] }[] }>(township.request, 'get', '/api/v1/studies?modality=SM');
  const study = studies.find(({ slide_ids }) => slide_ids.length > 0);
  const centre = demo().organisations.find(({ kind }) => kind === 'centre');
  if (study === undefined || centre === undefined) throw new Error('the demo has no slide');
  const draft = await json<Case & { version: number }>(township.request, 'post', '/api/v1/consults', {
    reading_organisation: centre.id,
    kind: 'consultation',
    urgency: 'routine',
    study: { org: study.organisation.id, study_instance_uid: study.study_instance_uid },
    slide_id: study.slide_ids[0],
    question: '腺体异型性？视野测试',
    consent: true,
  });
  await json(township.request, 'post', `/api/v1/consults/${draft.id}/submit`, { version: draft.version });
  const pathologist = await enter(visitor, 'pathologist');
  await pathologist.goto(`/cases/${draft.id}`);
  await expect(pathologist.getByRole('button', { name: '留言', exact: true })).toBeVisible();
  await pathologist.waitForTimeout(2_000);
  await pathologist.getByRole('button', { name: '留言', exact: true }).click();
  await pathologist.getByRole('button', { name: '附上当前视野' }).click();
  await pathologist.getByLabel('写留言').fill('请看这一处');
  await pathologist.getByRole('button', { name: '发送' }).click();
  await expect(pathologist.getByRole('link', { name: '打开同一视野' })).toBeVisible();
  await township.goto(`/cases/${draft.id}`);
  await township.getByRole('button', { name: /^留言/ }).click();
  await township.getByRole('link', { name: '打开同一视野' }).click();
  await expect(township).toHaveURL(/\/slides\/[^?]+\?at=/);
});

test('the bell says what was new, and settings are kept', async ({ visitor }) => {
  const coordinator = await enter(visitor, 'coordinator');
  await coordinator.goto('/');
  await coordinator.getByRole('button', { name: /^通知/ }).click();
  await coordinator.getByRole('button', { name: '通知设置' }).click();
  const dialog = coordinator.getByRole('dialog', { name: '通知设置' });
  await dialog.getByLabel('电子邮件').fill('chen@city.example.org');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.getByText('已保存')).toBeVisible();
  await shot(coordinator, 'notice-settings');
  await dialog.getByRole('button', { name: '危急值设置' }).click();
  const rules = coordinator.getByRole('dialog', { name: '危急值设置' });
  await expect(rules.getByLabel('第 1 项中文名称')).toHaveValue('张力性气胸');
  await shot(coordinator, 'critical-rules');
  await rules.getByRole('button', { name: '保存' }).click();
  await expect(rules).toHaveCount(0);

  const township = await enter(visitor, 'township');
  const reader = await enter(visitor, 'reader');
  const asked = await ask(township, '通知测试');
  await json(reader.request, 'post', `/api/v1/consults/${asked.id}/messages`, { text: '请看通知' });
  await township.goto('/');
  await expect(township.getByRole('button', { name: /^通知（/ })).toBeVisible();
  await township.getByRole('button', { name: /^通知/ }).click();
  await shot(township, 'notices');
  await township.getByRole('button', { name: '全部已读' }).click();
  await expect(township.getByRole('button', { name: '通知', exact: true })).toBeVisible();
  expect(account('township').name).not.toBe('');
});
