/** Several people on one case, as they see it: rules and duty, experts who are asked, a second opinion. */
import type { Page } from '@playwright/test';
import { askOfChest } from './asking.ts';
import { account } from './node.ts';
import { expect, expectNoSidewaysScroll, json, shot, test } from './people.ts';
import { askUnder, Cast, lend, setRoles } from './stage.ts';

// Several people have the images open at once, which a browser without a graphics card draws slowly.
test.describe.configure({ mode: 'serial', timeout: 300_000 });

const question = '右肺上叶结节，能否手术？';
let address = '';

async function sign(page: Page, login: string): Promise<void> {
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account(login).signing_passphrase ?? '');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
}

test('an administrator says what a reader knows best', async ({ person }) => {
  const admin = await person('admin');
  await admin.goto('/admin?tab=people');
  await admin.getByRole('button', { name: '王建国的操作' }).click();
  await admin.getByRole('menuitem', { name: '修改' }).click();
  const dialog = admin.getByRole('dialog');
  const field = dialog.getByRole('combobox', { name: '亚专业' });
  await field.fill('胸');
  await admin.getByRole('option', { name: '胸部', exact: true }).click();
  await field.press('Escape');
  await shot(admin, 'admin-person-subspecialty');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(admin.getByRole('row').filter({ hasText: '王建国' })).toContainText('胸部');
});

test('a coordinator writes a rule, tries it out, and a request goes to whom it names', async ({ person }) => {
  const coordinator = await person('coordinator');
  await coordinator.getByRole('link', { name: '分配', exact: true }).click();
  await coordinator.getByRole('tab', { name: '规则' }).click();
  await expect(coordinator.getByText('还没有规则')).toBeVisible();
  await shot(coordinator, 'assignment-empty');
  await coordinator.getByRole('button', { name: '新建规则' }).click();
  const dialog = coordinator.getByRole('dialog');
  await dialog.getByLabel('名称').fill('胸部结节');
  await dialog.getByRole('combobox', { name: '部位' }).fill('chest');
  await coordinator.getByRole('option', { name: '胸部 CHEST', exact: true }).click();
  await dialog.getByLabel('其他关键词').fill('能否手术');
  await dialog.getByLabel('其他关键词').press('Enter');
  await dialog.getByRole('radio', { name: '指定医师中在手最少的' }).check();
  await dialog.getByRole('combobox', { name: '医师', exact: true }).press('ArrowDown');
  await coordinator.getByRole('option', { name: '王建国' }).click();
  await dialog.getByRole('combobox', { name: '医师', exact: true }).press('Tab');
  await dialog.getByRole('combobox', { name: '亚专业' }).fill('胸');
  await coordinator.getByRole('option', { name: '胸部', exact: true }).click();
  await dialog.getByRole('combobox', { name: '亚专业' }).press('Tab');
  await shot(coordinator, 'assignment-rule');
  await dialog.getByRole('button', { name: '确定', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await coordinator.getByLabel('问题').fill(question);
  await coordinator.getByRole('button', { name: '哪条规则接收？' }).click();
  await expect(coordinator.getByTestId('rule')).toContainText('部位不符或不明');
  await coordinator.getByRole('region', { name: '试一试' }).getByRole('combobox', { name: '部位' }).fill('胸部');
  await coordinator.getByRole('option', { name: '胸部 CHEST', exact: true }).click();
  await coordinator.getByRole('button', { name: '哪条规则接收？' }).click();
  await expect(coordinator.getByTestId('trial')).toContainText('“胸部结节”接收 → 王建国');
  await coordinator.getByRole('button', { name: '保存', exact: true }).click();
  await expect(coordinator.getByRole('button', { name: '保存', exact: true })).toHaveCount(0);
  await shot(coordinator, 'assignment-rules');
  await expectNoSidewaysScroll(coordinator);

  const township = await person('township');
  address = `/cases/${(await askOfChest(township, { question, urgency: 'urgent', history: '体检发现' })).id}`;
  await coordinator.getByRole('tab', { name: '值班' }).click();
  await expect(coordinator.getByLabel('王建国值班')).toBeChecked();
  await shot(coordinator, 'assignment-duty');
  await coordinator.goto(address);
  await expect(coordinator.getByText('已分配').first()).toBeVisible();

  // No rule is left behind for the other tests.
  const { version } = await json<{ version: number }>(coordinator.request, 'get', '/api/v1/assignment/rules');
  await json(coordinator.request, 'put', '/api/v1/assignment/rules', { version, rules: [] });
});

test('an expert who is asked gives an opinion, and the report waits for it', async ({ person }) => {
  const reader = await person('reader');
  await reader.goto(address);
  await reader.getByRole('button', { name: '领取', exact: true }).click();
  await reader.getByLabel('影像所见').fill('右肺上叶见一结节，约 12 mm。');
  await reader.getByLabel('诊断意见').fill('右肺上叶结节，考虑微浸润性腺癌。');
  await reader.getByRole('button', { name: '邀请专家', exact: true }).click();
  const dialog = reader.getByRole('dialog');
  await dialog.getByRole('checkbox', { name: /刘洋/ }).check();
  await dialog.getByLabel('请专家回答的问题').fill('能否行肺段切除？');
  await shot(reader, 'opinion-ask');
  await dialog.getByRole('button', { name: '发出邀请' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(reader.getByText('还有 1 位专家的意见未提交')).toBeVisible();
  await shot(reader, 'opinion-waiting');

  const expert = await person('reader2');
  await expert.getByRole('tab', { name: /待意见/ }).click();
  await expert.getByRole('row').filter({ hasText: question }).getByRole('link').first().click();
  await expert.getByLabel('我的意见').fill('可行右肺上叶尖段切除，术前完善肺功能。');
  await expect(expert.getByTestId('opinion-state')).toHaveAttribute('data-state', 'saved');
  await shot(expert, 'opinion-mine');
  await expert.getByRole('button', { name: '提交意见', exact: true }).click();
  await expert.getByRole('dialog').getByRole('button', { name: '提交意见', exact: true }).click();
  await expect(expert.getByText('已提交').first()).toBeVisible();

  await expect(reader.getByText('可行右肺上叶尖段切除，术前完善肺功能。')).toBeVisible();
  await shot(reader, 'opinion-given');
  await sign(reader, 'reader');
  const township = await person('township');
  await township.goto(address);
  await township.getByRole('link', { name: '查看报告' }).click();
  await expect(township.getByRole('list', { name: '签名核验' }).getByText('签名有效', { exact: true })).toBeVisible();
  // The page is the PDF, which no test of a browser reads; what it was printed from quotes the expert.
  const signed = await township.request.get(`/api/v1/consults/${address.split('/').at(-1)}/report.json`);
  expect(await signed.text()).toContain('可行右肺上叶尖段切除，术前完善肺功能。');
  await shot(township, 'opinion-report');
});

test('a second opinion is asked for, read by another, and compared', async ({ person }) => {
  const township = await person('township');
  await township.goto(address);
  await township.getByRole('button', { name: '申请第二意见' }).click();
  const dialog = township.getByRole('dialog');
  await dialog.getByLabel('诊断中心').click();
  await township.getByRole('option').first().click();
  await shot(township, 'second-ask');
  await dialog.getByRole('button', { name: '发出申请' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(township.getByText('对这份报告的第二意见：')).toBeVisible();
  const second = new URL(township.url()).pathname;

  const reader = await person('reader2');
  await reader.goto(second);
  await reader.getByRole('button', { name: '领取', exact: true }).click();
  await reader.getByLabel('影像所见').fill('右肺上叶结节，约 11 mm。');
  await reader.getByLabel('诊断意见').fill('右肺上叶结节，炎性可能。');
  await expect(reader.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await shot(reader, 'second-reading');
  await sign(reader, 'reader2');

  await township.goto(second);
  await township.getByRole('button', { name: '对比两份报告' }).click();
  await dialog.getByRole('radio', { name: '不一致', exact: true }).check();
  await dialog.getByRole('textbox').fill('良恶性判断不同');
  await dialog.getByRole('button', { name: '记录', exact: true }).click();
  await expect(township.getByText('良恶性判断不同')).toBeVisible();
  await shot(township, 'second-compared');
  await township.goto(address);
  await expect(township.getByText('良恶性判断不同')).toBeVisible();
  await expect(township.getByText('右肺上叶结节，炎性可能。')).toBeVisible();
  await shot(township, 'second-first');
});

test('a reviewer takes a preliminary report over, and only another may sign it off', async ({ person }) => {
  const cast = new Cast();
  const { id } = await askUnder(cast, 'double', '左肺结节，性质？');
  try {
    const reader = await person('reader');
    await reader.goto(`/cases/${id}`);
    await reader.getByRole('button', { name: '领取', exact: true }).click();
    await reader.getByLabel('影像所见').fill('左肺下叶结节，约 8 mm。');
    await reader.getByLabel('诊断意见').fill('左肺下叶结节，良性。');
    await expect(reader.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
    await sign(reader, 'reader');

    const lent = await lend(cast, 'reviewer', 'reader');
    try {
      const reviewer = await person('reviewer');
      await reviewer.goto(`/cases/${id}`);
      await reviewer.getByRole('button', { name: '接手修改', exact: true }).click();
      const dialog = reviewer.getByRole('dialog');
      await expect(dialog.getByRole('note')).toContainText('须由另一位审核医师审核');
      await shot(reviewer, 'take-over');
      await dialog.getByRole('textbox').fill('结论需改');
      await dialog.getByRole('button', { name: '接手修改', exact: true }).click();
      await expect(dialog).toHaveCount(0);
      await expect(reviewer.getByLabel('诊断意见')).toHaveValue('左肺下叶结节，良性。');
      await reviewer.getByLabel('诊断意见').fill('左肺下叶结节，建议三个月复查。');
      await expect(reviewer.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
      await shot(reviewer, 'taken-over');
      await sign(reviewer, 'reviewer');
      await reviewer.goto(`/cases/${id}`);
      await expect(reviewer.getByText('待审核').first()).toBeVisible();
      await expect(reviewer.getByRole('button', { name: '审核签发' })).toHaveCount(0);
      // Its page still asks for what the reviewer will see no more in a moment: images, who is on duty.
      await reviewer.goto('about:blank');
    } finally {
      await setRoles(cast, lent);
    }

    await reader.goto('/');
    await reader.getByRole('button', { name: /通知/ }).click();
    await expect(reader.getByText('审核医师接手修改了您的报告')).toBeVisible();
  } finally {
    await cast.step('township', id, 'cancel', { reason: '演示结束' });
    await cast.end();
  }
});
