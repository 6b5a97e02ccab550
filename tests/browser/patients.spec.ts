/** A person under two numbers, decided and taken back by keyboard; and a patient of another hospital, opened in an emergency. */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import type { Page } from '@playwright/test';
import { account, manifest, program } from './node.ts';
import { expect, expectNoSidewaysScroll, json, phone, shot, test } from './people.ts';

/** 张三's older CT, which no consult has as evidence. */
async function olderCt(page: Page): Promise<{ org: string; uid: string; accession: string }> {
  interface Study {
    study_instance_uid: string;
    instance_count: number;
    accession_number: string;
    organisation: { id: string };
  }
  const { studies } = await json<{ studies: Study[] }>(page.request, 'get', '/api/v1/studies?q=zs&modality=CT');
  const study = studies.find(({ instance_count }) => instance_count === 60);
  if (study === undefined) throw new Error('the demo has no older chest CT');
  return { org: study.organisation.id, uid: study.study_instance_uid, accession: study.accession_number };
}

test('two numbers of one person are compared, linked and taken back by keyboard', async ({ person }) => {
  const page = await person('archivist');
  const { uid } = await olderCt(page);
  const reason = { code: 'wrong_identity', text: '试验：同一患者的另一个号码' };
  const attributes = { '00100020': { vr: 'LO', Value: ['FS900001'] } };
  const { id } = await json<{ id: string }>(page.request, 'post', '/api/v1/corrections', { correction: { kind: 'identity', study: uid, attributes }, reason });

  await page.getByRole('link', { name: '患者', exact: true }).click();
  await page.getByRole('tab', { name: '待判断' }).click();
  const look = page.getByRole('region', { name: '是同一个人吗？' });
  // What came is settled a little later; the page asks again by itself, or when it is opened anew.
  await expect(async () => {
    await page.reload();
    await expect(look).toContainText('FS900001', { timeout: 2_000 });
  }).toPass({ timeout: 60_000 });
  await expect(look).toContainText('FS000001');
  await expect(look).toContainText('姓名相同');
  await shot(page, 'patients-queue');
  await look.getByLabel('依据（可不填）').fill('电话核实');
  await look.getByLabel('依据（可不填）').blur();
  await page.keyboard.press('y');
  await expect(page.getByRole('status').getByText('已关联：张三、张三')).toBeVisible();
  await page.getByRole('tab', { name: '判断记录' }).click();
  await expect(page.getByText('电话核实')).toBeVisible();
  await shot(page, 'patients-decisions');
  await page.getByRole('tab', { name: '患者', exact: true }).click();
  await page.getByPlaceholder('姓名、拼音、号码').fill('FS900001');
  const found = page.getByRole('list', { name: '患者' }).getByRole('listitem').filter({ hasText: '张三' });
  await expect(page.getByText('欧阳娜娜')).toHaveCount(0);
  await expect(found.first()).toContainText('FS000001');
  await expect(found.first()).toContainText('FS900001');
  await shot(page, 'patients-person');

  await page.getByRole('tab', { name: '判断记录' }).click();
  await page.getByRole('button', { name: '撤销', exact: true }).first().click();
  await shot(page, 'patients-undo');
  await page.getByRole('dialog').getByRole('button', { name: '撤销', exact: true }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.getByRole('tab', { name: '待判断' }).click();
  await expect(look).toContainText('FS900001');
  await json(page.request, 'post', `/api/v1/corrections/${id}/undo`, reason);
});

test('a doctor opens another hospital’s study for an hour, and its security officer judges it', async ({ person, visitor, tolerate }) => {
  // What is not open yet, and what has ended, is not there.
  tolerate(/status of 404/);
  const township = await person('township');
  const { org, uid, accession } = await olderCt(township);
  const data = ['--data', dirname(manifest())];
  const join = async (login: string, name: string, of: string, role: string): Promise<Page> => {
    const words = ['user', 'add', login, name, '--org', of, '--roles', role, '--invite', ...data];
    const secret = execFileSync(program(), words, { encoding: 'utf8' }).trim().split('#')[1];
    const page = await visitor();
    const password = account('township').password.padEnd(16, '-');
    expect((await page.request.post('/api/v1/invitations/take', { data: { secret, password } })).status()).toBe(204);
    expect((await page.request.post('/api/v1/session', { data: { login, password } })).status()).toBe(200);
    return page;
  };
  // Another account when the test is tried again.
  const security = await join(`qinghe-security-${Date.now() % 1_000_000}`, '周安', org, 'security_officer');
  await security.goto('/emergency');
  // The switch shows what the server has, so it follows a moment later.
  const allowed = security.getByLabel('允许其他医院的医师紧急访问本机构的检查');
  if (!(await allowed.isChecked())) await allowed.click();
  await expect(allowed).toBeChecked();
  await shot(security, 'emergency-setting');

  const doctor = await person('reader');
  await doctor.goto(`/studies/${org}/${uid}`);
  await expect(doctor.getByRole('alert')).toContainText('没有找到');
  await doctor.getByRole('link', { name: '紧急访问' }).click();
  const form = doctor.getByRole('form', { name: '紧急访问' });
  await form.getByRole('combobox', { name: '检查所在医院' }).click();
  await doctor.getByRole('option', { name: '清河镇卫生院' }).click();
  await form.getByText('检查号', { exact: true }).click();
  await form.getByLabel('号码（须完全一致）').fill('A0000000000');
  await form.getByLabel('理由（至少10字）').fill('昏迷患者急诊入院，需要既往影像');
  await form.getByRole('button', { name: '打开一小时' }).click();
  await expect(form.getByRole('alert')).toContainText('没有找到');
  await shot(doctor, 'emergency-not-found');
  await form.getByLabel('号码（须完全一致）').fill(accession);
  await form.getByRole('button', { name: '打开一小时' }).click();
  const mine = doctor.getByRole('region', { name: '我打开过的' });
  await expect(mine).toContainText('昏迷患者急诊入院');
  await shot(doctor, 'emergency-opened');
  await mine.getByRole('link', { name: '检查 1' }).first().click();
  await expect(doctor.getByTestId('slice')).toHaveText('图像 1 / 60');
  await shot(doctor, 'emergency-study');

  await security.reload();
  await expect(security.getByText('昏迷患者急诊入院，需要既往影像').first()).toBeVisible();
  await security.getByRole('button', { name: '不合理' }).first().click();
  const dialog = security.getByRole('dialog');
  await expect(dialog).toContainText('访问立即结束');
  await dialog.getByLabel('说明').fill('患者不在急诊');
  await shot(security, 'emergency-review');
  await dialog.getByRole('button', { name: '记录' }).click();
  await expect(security.getByText(/不合理 · 患者不在急诊/).first()).toBeVisible();
  await doctor.reload();
  await expect(doctor.getByRole('alert')).toContainText('没有找到');
  await json(security.request, 'put', '/api/v1/emergency/setting', { is_allowed: false });

  const small = await person('reader', phone);
  await small.goto('/emergency');
  await expect(small.getByText('目前没有医院开放紧急访问。')).toBeVisible();
  await expectNoSidewaysScroll(small);
  await shot(small, 'emergency-phone');
});
