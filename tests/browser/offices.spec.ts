/** The offices' own pages: what a security officer looks at in the morning, and how the audit chain stands for the auditor. */
import { demo } from './node.ts';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

test('a security officer sees what needs them, and goes where it is put right', async ({ person, visitor, tolerate }) => {
  tolerate(/status of 401/);
  const stranger = await visitor();
  const wrong = { login: 'uploader', password: 'not this one' };
  expect((await stranger.request.post(`${demo().base_url}/api/v1/session`, { data: wrong })).status()).toBe(401);

  const page = await person('security');
  await expect(page.getByRole('heading', { name: '市医院诊断中心：安全概览' })).toBeVisible();
  const card = (name: string) => page.getByRole('region', { name, exact: true });
  // The offices of the demonstration have no second factor, and its tokens never end: both stand in front.
  await expect(page.getByRole('main').getByRole('region').first()).toContainText('需处理');
  await expect(card('账号')).toContainText('安全管理员');
  await expect(card('令牌')).toContainText('演示脚本');
  await expect(card('令牌')).toContainText('不会到期');
  await expect(card('在线')).toContainText('郑洁');
  await expect(card('设备')).toContainText('CITYARCH');
  await expect(card('紧急访问')).toContainText('紧急访问');
  await expect(card('本节点')).toContainText('链尾');
  await shot(page, 'security');
  await card('令牌').getByRole('link', { name: '管理令牌' }).click();
  await expect(page).toHaveURL(/\/admin\?tab=tokens/);
  await expect(page.getByRole('button', { name: '新建令牌' })).toBeVisible();
  await page.getByRole('link', { name: '安全概览', exact: true }).click();
  await card('紧急访问').getByRole('link', { name: '去审核' }).click();
  await expect(page.getByRole('heading', { name: '紧急访问审核' })).toBeVisible();

  const small = await person('security', phone);
  await expect(small.getByRole('region', { name: '账号', exact: true })).toBeVisible();
  await expectNoSidewaysScroll(small);
  await shot(small, 'security-phone');

  const other = await person('auditor');
  await other.goto('/security');
  await expect(other.getByText('没有权限')).toBeVisible();
});

test('an auditor sees how the chain stands and has all of it verified', async ({ person }) => {
  const page = await person('auditor');
  const chain = page.getByRole('region', { name: '审计链' });
  await expect(chain).toContainText('全部，从不删除（法定 180 天）');
  await expect(chain).toContainText('没有设置');
  await chain.getByRole('button', { name: '核验全链' }).click();
  await expect(chain).toContainText(/完整，[\d,]+ 条/, { timeout: 60_000 });
  await shot(page, 'audit-chain');
  const small = await person('auditor', phone);
  await expect(small.getByRole('region', { name: '审计链' })).toContainText('完整');
  await expectNoSidewaysScroll(small);
  await shot(small, 'audit-chain-phone');
});
