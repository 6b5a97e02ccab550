/** Those who look after organisations, people, agreements and tokens, and people with their own account. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { demo } from './node.ts';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

const mark = Date.now().toString(36);
const hospital = `柳河镇卫生院${mark}`;
const password = 'quiet heron 31';

const dialog = (page: Page, name: string | RegExp) => page.getByRole('dialog', { name });
const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text });

/** What an authenticator shows (RFC 6238) that was given this secret, so many steps of 30 seconds from now. */
function oneTimeCode(secret: string, steps: number): string {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', key).update(counter).digest();
  const at = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function logIn(page: Page, login: string): Promise<void> {
  await page.goto('/');
  await page.getByLabel('登录名').fill(login);
  await page.getByLabel('密码', { exact: true }).fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

test('an administrator makes a hospital, a doctor and an agreement, and the doctor comes in by the link', async ({ person, visitor, tolerate }) => {
  // Authorities that are none, a link that is used up, and a session that has ended.
  tolerate(/status of (401|404|422)|WebSocket/);
  // A whole hospital, on a machine that may have other work.
  test.slow();
  const page = await person('admin');
  await page.getByRole('tab', { name: '机构' }).click();
  await page.getByRole('button', { name: '新建机构' }).click();
  const organisation = dialog(page, '新建机构');
  await organisation.getByLabel('名称').fill(hospital);
  await organisation.getByLabel('标识').fill(`liuhe-${mark}`);
  await shot(page, 'admin-organisation-new');
  await organisation.getByRole('button', { name: '保存' }).click();
  await expect(row(page, hospital)).toContainText('您方管理');
  await shot(page, 'admin-organisations');

  await page.getByRole('tab', { name: '人员' }).click();
  await page.getByRole('combobox', { name: '机构' }).click();
  await page.getByRole('option', { name: hospital }).click();
  await expect(page.getByText('还没有人员')).toBeVisible();
  await page.getByRole('button', { name: '新建账号' }).click();
  const account = dialog(page, '新建账号');
  await account.getByLabel('姓名').fill('何秀兰');
  await account.getByLabel('职称').fill('主治医师');
  await account.getByLabel('登录名').fill(`he-${mark}`);
  await account.getByLabel('申请医师').check();
  await account.getByLabel('报告医师').check();
  await expect(account).toContainText('没有执业证书，这位医师不能签名');
  await account.getByLabel('执业证号').fill('110310000054321');
  await account.getByLabel('生效日期').fill('2026-01-01');
  await account.getByLabel('有效期至').fill('2030-12-31');
  await account.getByLabel('可以签名的检查类型').fill('CT');
  await page.keyboard.press('Enter');
  // The list lies over the button until the field is left.
  await account.getByLabel('执业范围').click();
  await expect(account).not.toContainText('没有执业证书');
  await shot(page, 'admin-person-new');
  await account.getByRole('button', { name: '保存' }).click();
  await expect(row(page, '何秀兰')).toContainText('还没有设置密码');
  await expect(row(page, '何秀兰')).toContainText('没有签名密钥');
  await page.getByRole('button', { name: '何秀兰的操作' }).click();
  await page.getByRole('menuitem', { name: '发邀请' }).click();
  await dialog(page, /发邀请/).getByRole('button', { name: '发邀请' }).click();
  const link = (await page.getByLabel('邀请链接', { exact: true }).and(page.locator('pre')).textContent()) ?? '';
  await shot(page, 'admin-invitation');
  await dialog(page, /邀请链接/).getByRole('button', { name: '关闭' }).last().click();
  await shot(page, 'admin-people');

  await page.getByRole('tab', { name: '协议' }).click();
  await page.getByRole('button', { name: '新建协议' }).click();
  const agreement = dialog(page, '新建协议');
  await agreement.getByLabel('申请方').click();
  await page.getByRole('option', { name: hospital }).click();
  await agreement.getByLabel('诊断方').click();
  await page.getByRole('option', { name: '市医院诊断中心' }).click();
  await agreement.getByLabel('术中冰冻').fill('20');
  await agreement.getByLabel('认可的证书颁发机构').fill('no certificate');
  await agreement.getByRole('button', { name: '保存' }).click();
  await expect(agreement).toContainText('不是 PEM 格式的证书');
  await shot(page, 'admin-agreement-new');
  await agreement.getByLabel('认可的证书颁发机构').fill(readFileSync(demo().trust_anchors, 'utf8'));
  await agreement.getByRole('button', { name: '保存' }).click();
  await expect(row(page, hospital)).toContainText('术中冰冻 20 分钟');
  await expect(row(page, hospital)).toContainText('Farsight demo');
  await shot(page, 'admin-agreements');

  const guest = await visitor();
  await guest.goto(link);
  await expect(guest.getByText(`何秀兰，${hospital}邀请您使用远见`)).toBeVisible();
  expect(new URL(guest.url()).hash, 'the secret does not stay in the address').toBe('');
  await guest.getByLabel('新密码').fill(password);
  await guest.getByLabel('再输一遍').fill(password);
  await shot(guest, 'join');
  await guest.getByRole('button', { name: '设置密码' }).click();
  await expect(guest.getByText('密码已设置')).toBeVisible();
  // From another page, for the same one with another fragment is not loaded again.
  await guest.goto('/verify');
  await guest.goto(link);
  await expect(guest.getByRole('alert')).toContainText('已经用过');
  await logIn(guest, `he-${mark}`);
  await expect(guest.getByRole('navigation', { name: '导航' })).toBeVisible();
  const partners = (await (await guest.request.get('/api/v1/partners')).json()) as { partners: { organisation: { name: string } }[] };
  expect(partners.partners.map(({ organisation: { name } }) => name)).toEqual(['市医院诊断中心']);

  await row(page, hospital).getByRole('button', { name: '终止' }).click();
  await shot(page, 'admin-agreement-end');
  await dialog(page, '终止协议').getByRole('button', { name: '终止' }).click();
  await expect(row(page, hospital)).toContainText('无效');

  await page.getByRole('tab', { name: '人员' }).click();
  await page.getByRole('button', { name: '何秀兰的操作' }).click();
  await page.getByRole('menuitem', { name: '停用账号' }).click();
  await shot(page, 'admin-disable');
  await dialog(page, /停用账号/).getByRole('button', { name: '停用账号' }).click();
  await expect(row(page, '何秀兰')).toContainText('已停用');
  await guest.goto('/');
  await expect(guest.getByLabel('登录名')).toBeVisible();
});

test('holders of an office are looked after by nobody here', async ({ person }) => {
  const page = await person('admin');
  await expect(row(page, '何平')).toContainText('命令行管理');
  await expect(row(page, '王建国')).toContainText('DEMO-reader');
  await expect(page.getByRole('tab', { name: '令牌' })).toHaveCount(0);
});

test('a security officer makes a token that is shown once, and revokes it', async ({ person }) => {
  const page = await person('security');
  await page.getByRole('link', { name: '管理', exact: true }).click();
  await page.getByRole('tab', { name: '令牌' }).click();
  await page.getByRole('button', { name: '新建令牌' }).click();
  const form = dialog(page, '新建令牌');
  await form.getByLabel('用途').fill(`网关${mark}`);
  await form.getByRole('button', { name: '新建令牌' }).click();
  const secret = (await page.getByLabel('令牌', { exact: true }).last().textContent()) ?? '';
  expect(secret.length).toBe(43);
  await shot(page, 'admin-token');
  await dialog(page, '令牌').getByRole('button', { name: '关闭' }).last().click();
  const search = () => page.request.get('/api/v1/studies', { headers: { Authorization: `Bearer ${secret}` } });
  expect((await search()).status()).toBe(200);
  await row(page, `网关${mark}`).getByRole('button', { name: '吊销' }).click();
  await dialog(page, '吊销令牌').getByRole('button', { name: '吊销' }).click();
  await expect(row(page, `网关${mark}`).getByRole('button', { name: '吊销' })).toHaveCount(0);
  await expect(row(page, `网关${mark}`)).toContainText('吊销');
  expect((await search()).status()).toBe(401);
  await shot(page, 'admin-tokens');
});

test('somebody binds a second factor, logs in with it, and ends the other sessions', async ({ person, visitor, tolerate }) => {
  test.slow();
  tolerate(/status of 401/);
  const page = await person('reader2');
  await page.getByRole('button', { name: /的菜单/ }).click();
  await page.getByRole('menuitem', { name: '我的账号' }).click();
  await page.getByRole('button', { name: '开始绑定' }).click();
  await expect(page.getByAltText('绑定用的二维码')).toBeVisible();
  const secret = (await page.locator('code').first().textContent()) ?? '';
  await shot(page, 'account-bind');
  await page.getByLabel('六位动态码').fill(oneTimeCode(secret, -1));
  await page.getByRole('button', { name: '完成绑定' }).click();
  await expect(page.getByText('只显示这一次')).toBeVisible();
  await shot(page, 'account-recovery');
  await page.getByRole('button', { name: '已经收好' }).click();
  await expect(page.getByText('还剩 10 个恢复码')).toBeVisible();

  const other = await visitor(phone);
  await other.goto('/');
  await other.getByLabel('登录名').fill('reader2');
  await other.getByLabel('密码', { exact: true }).fill('farsight-demo');
  await other.getByRole('button', { name: '登录', exact: true }).click();
  await expect(other.getByLabel('动态码')).toBeVisible();
  await shot(other, 'phone-login-code');
  await other.getByLabel('动态码').fill(oneTimeCode(secret, 0));
  await other.getByRole('button', { name: '登录', exact: true }).click();
  await expect(other.getByRole('navigation', { name: '导航' })).toBeVisible();
  await other.goto('/account');
  await expect(other.getByText('当前')).toBeVisible();
  await expectNoSidewaysScroll(other);
  await shot(other, 'phone-account');

  await page.reload();
  await page.getByRole('button', { name: '结束其他所有登录' }).click();
  await expect(page.getByRole('button', { name: '结束其他所有登录' })).toBeDisabled();
  await shot(page, 'account');
  await other.goto('/');
  await expect(other.getByLabel('登录名')).toBeVisible();
  // The node is everybody's: the account is left as it was.
  await page.getByRole('button', { name: '解除绑定' }).click();
  await dialog(page, '解除绑定').getByRole('button', { name: '解除绑定' }).click();
  await expect(page.getByRole('button', { name: '开始绑定' })).toBeVisible();
});

test('an auditor asks who has looked at a patient', async ({ person }) => {
  const page = await person('auditor');
  await page.getByLabel('谁看过这位患者').fill('QH20260031');
  await page.getByRole('button', { name: '搜索' }).click();
  await expect(page.getByText(/没有审计记录/)).toBeVisible();
  await page.getByLabel('谁看过这位患者').fill('');
  await page.getByLabel('操作者').fill('auditor');
  await page.getByRole('button', { name: '搜索' }).click();
  await expect(row(page, '何平').filter({ hasText: '登录' }).first()).toBeVisible();
  await shot(page, 'audit-search');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: '导出CSV' }).click()]);
  expect(file.suggestedFilename()).toBe('audit.csv');
});

test('administration speaks English and fits a phone', async ({ person }) => {
  const page = await person('admin', phone);
  await page.evaluate(() => localStorage.setItem('farsight.language', 'en'));
  for (const tab of ['people', 'organisations', 'agreements']) {
    await page.goto(`/admin?tab=${tab}`);
    await expect(page.getByRole('tab', { name: 'Agreements' })).toBeVisible();
    await page.waitForLoadState('networkidle');
    await expectNoSidewaysScroll(page);
    await shot(page, `phone-en-admin-${tab}`);
  }
});
