/** Reports into other systems, as people see it: a route is set, a receiver is down, it comes back, the report is sent. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { account, demo } from './node.ts';
import { expect, expectNoSidewaysScroll, phone, shot, test } from './people.ts';

/** Another one when the test is tried again. */
const route = `his${Date.now() % 1_000_000}`;
const asPerson = { headers: { 'X-Farsight': '1' } };

test.describe.configure({ mode: 'serial', timeout: 300_000 });

interface Seen {
  id: string;
  version: number;
}

async function post(page: Page, path: string, data: object): Promise<Seen> {
  const answer = await page.request.post(`/api/v1${path}`, { ...asPerson, data });
  expect(answer.ok(), await answer.text()).toBe(true);
  return (await answer.json()) as Seen;
}

/** Asked and signed without the pages that other tests look at. */
async function signed(township: Page, reader: Page): Promise<string> {
  const id = (kind: string) => demo().organisations.find((one) => one.kind === kind)?.id;
  const { studies } = (await (await township.request.get('/api/v1/studies?limit=50')).json()) as {
    studies: { study_instance_uid: string; modalities: string[]; slide_ids: string[] }[];
  };
  const study = studies.find(({ modalities, slide_ids }) => modalities.includes('CT') && slide_ids.length === 0);
  const draft = await post(township, '/consults', {
    reading_organisation: id('centre'),
    kind: 'diagnosis',
    urgency: 'urgent',
    study: { org: id('hospital'), study_instance_uid: study?.study_instance_uid },
    question: '右肺结节随访？',
    history: '',
    consent: true,
  });
  const address = `/consults/${draft.id}`;
  const asked = await post(township, `${address}/submit`, { version: draft.version });
  const claimed = await post(reader, `${address}/claim`, { version: asked.version });
  const report = { findings: '右肺上叶结节，大小同前。', diagnosis: '右肺上叶结节，稳定。', recommendation: '年度复查。' };
  const saved = await reader.request.put(`/api/v1${address}/report`, { ...asPerson, data: { version: claimed.version, report } });
  const { version } = (await saved.json()) as Seen;
  const preview = (await (await reader.request.get(`/api/v1${address}/report/preview`)).json()) as { canonical_sha256: string };
  await post(reader, `${address}/sign`, {
    version,
    canonical_sha256: preview.canonical_sha256,
    passphrase: account('reader').signing_passphrase,
  });
  return draft.id;
}

test('a route is set, a receiver is down, the requester sees why and sends it when it is there', async ({ person }) => {
  // A port where nobody listens for now.
  const receiver = createServer((asked, answer) => {
    asked.resume();
    asked.on('end', () => answer.writeHead(204).end());
  });
  const listening = async (port: number) => {
    await new Promise<void>((done) => receiver.listen(port, '127.0.0.1', done));
    return (receiver.address() as AddressInfo).port;
  };
  const port = await listening(0);
  await new Promise((done) => receiver.close(done));

  const admin = await person('admin');
  const hospital = demo().organisations.find(({ kind }) => kind === 'hospital')?.id ?? '';
  await admin.goto(`/devices?tab=returns&org=${hospital}`);
  await admin.getByRole('button', { name: '新增回传路由' }).click();
  const dialog = admin.getByRole('dialog');
  await dialog.getByLabel('编号').fill(route);
  await dialog.getByLabel('名称').fill('院内信息系统');
  await dialog.getByText('签名 webhook', { exact: true }).click();
  await dialog.getByLabel('Webhook 地址').fill(`http://127.0.0.1:${port}/reports`);
  await shot(admin, 'return-route-dialog');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(admin.getByText('签名密钥（只显示这一次）')).toBeVisible();
  await expect(admin.getByRole('cell', { name: '院内信息系统' })).toBeVisible();
  await shot(admin, 'return-routes');

  const [township, reader] = [await person('township'), await person('reader')];
  const id = await signed(township, reader);
  await township.goto(`/cases/${id}`);
  const list = township.getByRole('list', { name: '报告送达' });
  await expect(list.getByText(/连不上接收系统/)).toBeVisible({ timeout: 120_000 });
  await expect(list.getByText('等待发送')).toBeVisible();
  await shot(township, 'case-delivery-waiting');

  await listening(port);
  await list.getByRole('button', { name: /重新发送到院内信息系统/ }).click();
  await expect(list.getByText('已送达', { exact: true })).toBeVisible({ timeout: 120_000 });
  await shot(township, 'case-delivery-done');

  const onPhone = await person('township', phone);
  await onPhone.goto(`/cases/${id}`);
  await expect(onPhone.getByRole('list', { name: '报告送达' })).toBeVisible();
  await expectNoSidewaysScroll(onPhone);
  await shot(onPhone, 'case-delivery-phone');

  await reader.goto(`/cases/${id}/report`);
  await expect(reader.getByRole('link', { name: '结构化报告（DICOM SR）' })).toBeVisible();
  await expect(reader.getByRole('list', { name: '报告送达' })).toBeVisible();
  await shot(reader, 'report-forms');

  await admin.goto('/devices?tab=undelivered');
  // Others' notices may wait there.
  await expect(admin.getByText('没有未送达的内容').or(admin.getByRole('heading', { name: '未送达的通知' }))).toBeVisible();
  await expect(admin.getByText('院内信息系统')).toHaveCount(0);
  const { status } = await admin.request
    .delete(`/api/v1/return-routes/${route}?org=${hospital}`, asPerson)
    .then((answer) => ({ status: answer.status() }));
  expect(status).toBe(204);
  receiver.close();
});
