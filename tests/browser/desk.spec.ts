/** Orders, devices with their forwarding, and corrections: the pages of those who keep a node in order. */
import type { Page } from '@playwright/test';
import { demo } from './node.ts';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

/** Unique, so that a node that is used again still has a day without this order. */
const mark = Date.now().toString().slice(-8);
const accession = `T${mark}`;

function dialog(page: Page, name: string) {
  return page.getByRole('dialog', { name });
}

test('an order is placed, seen by the modality, and cancelled', async ({ person }) => {
  const page = await person('uploader');
  await page.getByRole('link', { name: '预约' }).click();
  await expect(page.getByText('陈建华')).toBeVisible();
  await shot(page, 'orders');
  await page.keyboard.press('n');
  const form = dialog(page, '新建预约');
  await expect(form.getByRole('button', { name: '预约', exact: true })).toBeDisabled();
  await form.getByLabel('姓名', { exact: false }).first().fill('欧阳静');
  await form.getByLabel('姓名拼音').fill('Ouyang Jing');
  await form.getByLabel('患者号').fill(`P${mark}`);
  await form.getByLabel('检查号').fill(accession);
  await form.getByLabel('检查项目').fill('头颅CT平扫');
  await shot(page, 'order-new');
  await form.getByRole('button', { name: '预约', exact: true }).click();
  const row = page.getByRole('row').filter({ hasText: accession });
  await expect(row).toContainText('欧阳静');
  await expect(row).toContainText('待检查');

  await page.getByText('设备所见').click();
  const answer = page.getByRole('row').filter({ hasText: accession });
  await expect(answer).toContainText('Ouyang^Jing=欧阳^静');
  await shot(page, 'orders-worklist');

  await page.getByText('预约', { exact: true }).last().click();
  await row.getByRole('button', { name: '取消预约' }).click();
  await expect(dialog(page, '取消预约')).toContainText('欧阳静');
  await shot(page, 'order-cancel');
  await dialog(page, '取消预约').getByRole('button', { name: '取消预约' }).click();
  await expect(row).toContainText('已取消');
  await page.getByText('设备所见').click();
  await expect(page.getByText('陈建华').or(page.getByText(/陈\^建华/)).first()).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: accession })).toHaveCount(0);
});

test('a file of orders is taken, and what is wrong in it is named', async ({ person }) => {
  const page = await person('uploader');
  await page.goto('/orders');
  const wish = (number: string, modality: string) => ({
    patient: { id: `F${mark}`, name: 'Wu^Fan=吴^凡' },
    accession_number: number,
    step: { modality, start_date: '20270105' },
  });
  const file = JSON.stringify([wish(`F${mark}`, 'MR'), wish(`G${mark}`, 'not a modality')]);
  await page.getByLabel('导入文件').setInputFiles({ name: 'orders.json', mimeType: 'application/json', buffer: Buffer.from(file) });
  await expect(page.getByRole('status').filter({ hasText: '新增 1 条' })).toContainText('第 2 条 step.modality：应为检查类型代码');
  await page.goto('/orders?day=20270105');
  await expect(page.getByRole('row').filter({ hasText: `F${mark}` }).first()).toContainText('吴凡');
  await page.keyboard.press(']');
  await expect(page.getByText('这一天没有预约')).toBeVisible();
  await shot(page, 'orders-empty');
});

test('a broken file of orders is refused in words', async ({ person }) => {
  const page = await person('uploader');
  await page.goto('/orders');
  await page.getByLabel('导入文件').setInputFiles({ name: 'orders.xls', mimeType: 'application/octet-stream', buffer: Buffer.from('PK\u0003\u0004') });
  await expect(page.getByRole('alert')).toContainText('neither the JSON of orders nor a DICOM worklist file');
});

test('orders and devices fit a phone', async ({ person }) => {
  const page = await person('township', phone);
  await page.goto('/orders');
  await expect(page.getByText('陈建华')).toBeVisible();
  await expectNoSidewaysScroll(page);
  await shot(page, 'phone-orders');
  const coordinator = await person('coordinator', phone);
  await coordinator.goto('/devices');
  await expect(coordinator.getByText('CITYARCH')).toBeVisible();
  await expectNoSidewaysScroll(coordinator);
  await shot(coordinator, 'phone-devices');
});

test('devices are listed, and an echo says how it went', async ({ person }) => {
  const page = await person('admin');
  await page.goto('/devices');
  await expect(page.getByRole('row').filter({ hasText: 'CITYARCH' })).toContainText('127.0.0.1:11113');
  await expect(page.getByRole('row').filter({ hasText: 'CITYCT' })).toContainText('127.0.0.0/8');
  await page.getByRole('button', { name: '测试 CITYARCH' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'CITYARCH' }).getByRole('status')).not.toBeEmpty();
  await shot(page, 'devices');
});

test('a forwarding rule is made, changed, paused and removed', async ({ person }) => {
  const page = await person('admin');
  await page.goto('/devices?tab=rules');
  await expect(page.getByRole('row').filter({ hasText: 'ct-to-archive' })).toContainText('暂停');
  await page.keyboard.press('n');
  const form = dialog(page, '新建转发规则');
  await form.getByLabel('名称').fill(`r${mark}`);
  await form.getByLabel('目的地').click();
  await page.getByRole('option', { name: 'CITYARCH' }).click();
  await form.getByLabel('检查或序列描述').fill('胸部*');
  await form.getByText('暂停', { exact: true }).click();
  await expect(form).toContainText('暂停状态，不会发送到 CITYARCH');
  await shot(page, 'rule-new');
  await form.getByRole('button', { name: '保存' }).click();
  const row = page.getByRole('row').filter({ hasText: `r${mark}` });
  await expect(row).toContainText('描述 胸部*');
  await row.getByRole('button', { name: '修改' }).click();
  await dialog(page, `修改规则 r${mark}`).getByLabel('检查或序列描述').fill('头部*');
  await dialog(page, `修改规则 r${mark}`).getByRole('button', { name: '保存' }).click();
  await expect(row).toContainText('描述 头部*');
  await row.getByRole('button', { name: '删除' }).click();
  await shot(page, 'rule-remove');
  await dialog(page, `删除规则 r${mark}`).getByRole('button', { name: '删除' }).click();
  await expect(row).toHaveCount(0);
  await shot(page, 'rules');
  await page.goto('/devices?tab=queue');
  await expect(page.getByText('队列是空的')).toBeVisible();
  await shot(page, 'queue-empty');
});

test('what waits in the queue is seen with its failure, tried again, and cancelled', async ({ person }) => {
  const page = await person('admin');
  // Nobody listens at the archive's address, so a retrieval from it waits.
  const reader = await person('coordinator');
  const study = `2.25.${mark}`;
  const queued = await reader.request.post('/api/v1/remotes/CITYARCH/retrieve', {
    headers: { Authorization: `Bearer ${cityToken()}` },
    data: { study },
  });
  expect(queued.status()).toBe(202);
  await page.goto('/devices?tab=queue');
  await page.getByText('取回', { exact: true }).click();
  const row = page.getByRole('row').filter({ hasText: study });
  await expect(row).toContainText(/失败 [1-9]/, { timeout: 30_000 });
  await expect(row).toContainText('连不上对方');
  await shot(page, 'queue');
  await row.getByRole('button', { name: '立即重试' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await row.getByRole('button', { name: '取消' }).click();
  await dialog(page, '取消这项任务').getByRole('button', { name: '取消' }).click();
  await expect(row).toHaveCount(0);
});

test('a coordinator sees devices and rules and changes none', async ({ person }) => {
  const page = await person('coordinator');
  await page.getByRole('link', { name: '设备' }).click();
  await expect(page.getByText('CITYARCH')).toBeVisible();
  await page.getByRole('tab', { name: '转发规则' }).click();
  await expect(page.getByText('ct-to-archive')).toBeVisible();
  await expect(page.getByRole('button', { name: '新建规则' })).toHaveCount(0);
});

/** The second organisation's machine token. */
function cityToken(): string {
  const city = demo().organisations.find(({ kind }) => kind === 'centre');
  if (city === undefined) throw new Error('demo.json has no centre');
  return city.token;
}

/** 张三's older CT, which no consult has as evidence. */
async function openOldCt(page: Page): Promise<void> {
  await page.goto('/studies');
  await page.getByPlaceholder('姓名/拼音/患者号/检查号…').fill('A2603180005');
  await page.getByRole('row').filter({ hasText: '60 幅' }).getByRole('link').first().click();
  await page.getByRole('main').getByRole('link', { name: '更正' }).click();
  await expect(page.getByRole('heading', { name: '患者与检查' })).toBeVisible();
}

async function reason(page: Page, text: string): Promise<void> {
  await page.getByRole('dialog').getByLabel('原因说明').fill(text);
}

test('a study’s identity is corrected, shown everywhere, and taken back', async ({ person }) => {
  const page = await person('archivist');
  await openOldCt(page);
  await shot(page, 'corrections-study');
  await page.getByRole('button', { name: '更正患者与检查信息' }).click();
  const form = dialog(page, '更正患者与检查信息');
  await form.getByLabel('姓名（汉字，姓^名）').fill('章^三');
  await form.getByLabel('检查号').fill('A2603180006');
  await expect(form.getByRole('button', { name: '更正', exact: true })).toBeDisabled();
  await reason(page, '登记时写错了字');
  await shot(page, 'corrections-identity');
  await form.getByRole('button', { name: '更正', exact: true }).click();
  await expect(page.getByText('章三').first()).toBeVisible();
  const history = page.getByRole('list', { name: '更正记录' });
  await expect(history).toContainText('林静');
  await expect(history).toContainText('登记时写错了字');
  await shot(page, 'corrections-history');
  await history.getByRole('button', { name: '撤销' }).first().click();
  await expect(dialog(page, '撤销更正')).toContainText('检查重新显示原来的信息');
  await reason(page, '原来的是对的');
  await dialog(page, '撤销更正').getByRole('button', { name: '撤销更正' }).click();
  await expect(history.getByText('已撤销').first()).toBeVisible();
  await expect(page.getByText('张三').first()).toBeVisible();
});

test('another patient’s identity is taken over, with what it cannot reach', async ({ person }) => {
  const page = await person('archivist');
  await openOldCt(page);
  await page.getByRole('button', { name: '更正患者与检查信息' }).click();
  const form = dialog(page, '更正患者与检查信息');
  await form.getByRole('button', { name: '从正确患者的检查中取' }).click();
  await form.getByRole('searchbox').fill('李秀英');
  await form.getByRole('radio').first().click();
  await expect(form.getByLabel('患者号', { exact: true })).not.toHaveValue('FS000001');
  await expect(form).toContainText('患者号 →');
  await shot(page, 'corrections-take');
  await form.getByRole('button', { name: '返回' }).click();
  await page.getByRole('button', { name: '合并患者' }).click();
  await dialog(page, '合并患者').getByRole('searchbox').fill('李秀英');
  await dialog(page, '合并患者').getByRole('radio').first().click();
  await expect(dialog(page, '合并患者')).toContainText(/张三.*全部检查.*归到.*李秀英/);
  await shot(page, 'corrections-merge');
});

test('an image and a series are hidden, shown as hidden to the archivist only, and come back', async ({ person }) => {
  const page = await person('archivist');
  await openOldCt(page);
  await page.getByRole('button', { name: '逐幅查看' }).first().click();
  await expect(page.getByLabel(/^第 \d+ 幅$/).first()).toBeVisible();
  await page.getByLabel(/^第 \d+ 幅$/).first().check();
  await shot(page, 'corrections-instances');
  await page.getByRole('button', { name: '隐藏所选图像（1）' }).click();
  await reason(page, '病人移动');
  await page.getByRole('dialog').getByRole('button', { name: '隐藏', exact: true }).click();
  await expect(page.getByText('另有 1 幅已隐藏')).toBeVisible();
  await expect(page.getByText('59 幅', { exact: true })).toBeVisible();
  await shot(page, 'corrections-hidden');

  const doctor = await person('township');
  await doctor.goto('/studies');
  await doctor.getByPlaceholder('姓名/拼音/患者号/检查号…').fill('A2603180005');
  // 59 images, and the rejection note that says what is missing.
  await expect(doctor.getByRole('row').filter({ hasText: '2 序列 60 幅' })).toBeVisible();

  await page.getByRole('button', { name: '隐藏整个检查' }).click();
  await reason(page, '传错了');
  await page.getByRole('dialog').getByRole('button', { name: '隐藏', exact: true }).click();
  await expect(page.getByText('整个检查已隐藏', { exact: false })).toBeVisible();
  await shot(page, 'corrections-study-hidden');
  await doctor.reload();
  await doctor.getByPlaceholder('姓名/拼音/患者号/检查号…').fill('A2603180005');
  await expect(doctor.getByText('没有检查')).toBeVisible();
  await page.goto('/corrections?tab=hidden');
  await expect(page.getByText('张三')).toBeVisible();
  await shot(page, 'corrections-all-hidden');
  await page.getByRole('link', { name: '打开' }).first().click();
  for (let left = 2; left > 0; left -= 1) {
    await page.getByRole('list', { name: '更正记录' }).getByRole('button', { name: '撤销' }).first().click();
    await reason(page, '恢复');
    await dialog(page, '撤销更正').getByRole('button', { name: '撤销更正' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  await expect(page.getByText('60 幅', { exact: true })).toBeVisible();
  await page.goto('/corrections');
  await expect(page.getByText('已撤销').first()).toBeVisible();
  await shot(page, 'corrections-all');
});

test('a deletion says that it is for good, and a study is gone afterwards', async ({ person }) => {
  const page = await person('archivist');
  const found = (await (await page.request.get('/api/v1/studies?q=CQ500')).json()) as { studies: { study_instance_uid: string }[] };
  await page.goto(`/corrections/${found.studies[0]?.study_instance_uid}`);
  await page.getByRole('button', { name: '删除整个检查' }).click();
  await expect(dialog(page, '删除整个检查')).toContainText('删除不能撤销');
  await expect(page.getByRole('button', { name: '永久删除' })).toBeDisabled();
  await reason(page, '保存期已满');
  await shot(page, 'corrections-delete');
  await page.getByRole('button', { name: '永久删除' }).click();
  await expect(page.getByText('这个检查已没有内容。')).toBeVisible();
  await expect(page.getByRole('list', { name: '更正记录' })).toContainText('删除整个检查');
  await expect(page.getByRole('button', { name: '撤销' })).toHaveCount(0);
});

test('the pages speak English, too', async ({ person }) => {
  const page = await person('archivist');
  await page.evaluate(() => localStorage.setItem('farsight.language', 'en'));
  await page.goto('/corrections');
  await expect(page.getByRole('tab', { name: 'History' })).toBeVisible();
  await shot(page, 'en-corrections');
  const admin = await person('admin');
  await admin.evaluate(() => localStorage.setItem('farsight.language', 'en'));
  await admin.goto('/devices?tab=rules');
  await expect(admin.getByRole('button', { name: 'New rule' })).toBeVisible();
  await shot(admin, 'en-rules');
});
