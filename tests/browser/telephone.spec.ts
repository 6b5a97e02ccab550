/** Signing on the telephone (手机签名), with the reference service of docs/remote-signing.md as the telephone. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { program } from './node.ts';
import { expect as patient, shot, test } from './people.ts';
import { ask, chestOf, ownNode } from './stage.ts';

const expect = patient.configure({ timeout: 60_000 });

test.describe.configure({ mode: 'serial', timeout: 600_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });

const root = resolve(import.meta.dirname, '../..');
const python = process.env['FARSIGHT_PYTHON'] ?? join(root, '.venv/bin/python');

let service: ChildProcess | undefined;
let address: string;

// It asks a telephone.
const { cast } = ownNode('telephone', async (node) => {
  // The first start makes the authority that certifies the key.
  await node.start();
  await node.stop();
  const { folder } = node;
  const script = join(root, 'tests/peers/phone_signing.py');
  const phone = spawn(python, [script, folder, '0', node.authority(), '王建国', '市医院诊断中心'], { stdio: ['ignore', 'pipe', 'inherit'] });
  service = phone;
  address = await new Promise<string>((done, fail) => {
    phone.stdout.once('data', (line: Buffer) => done(`http://127.0.0.1:${line.toString().trim()}`));
    phone.once('error', fail);
    phone.once('exit', (code) => fail(new Error(`the telephone ended with ${code} before it said where it listens`)));
  });
  await node.start('127.0.0.1:0', ['--phone-signing-url', `${address}/csc/v2`, '--phone-signing-token-file', join(folder, 'token')]);
  const register = ['key', 'register', '--data', dirname(node.manifest), '--person', 'reader', '--credential', 'cred-1', '--certificate', join(folder, 'chain.pem')];
  execFileSync(program(), register);
});

test.afterAll(() => service?.kill());

interface Question {
  responseID: string;
  text: string;
  answer: string | null;
}

/** What the telephone shows now. */
async function shown(): Promise<Question> {
  let found: Question | undefined;
  await expect
    .poll(async () => {
      const all = (await (await fetch(`${address}/phone`)).json()) as Question[];
      found = all.find(({ answer }) => answer === null);
      return found !== undefined;
    })
    .toBe(true);
  if (found === undefined) throw new Error('the telephone shows nothing');
  return found;
}

async function answer(how: 'agree' | 'refuse'): Promise<void> {
  const { responseID } = await shown();
  await fetch(`${address}/phone/answer`, { method: 'POST', body: JSON.stringify({ responseID, how }) });
}

/** A report that is written, its page open, and the dialog of the signature with the telephone chosen. */
async function written(page: Page): Promise<string> {
  const { id } = await ask(cast, await chestOf(cast), 'urgent', '移动CA试签');
  await cast.step('township', id, 'submit');
  await cast.step('reader', id, 'claim');
  await cast.report('reader', id, { findings: '两肺纹理清晰。', diagnosis: '胸部CT未见明显异常。', recommendation: '随访。' });
  await page.goto(`/cases/${id}`);
  await expect(page.getByLabel('影像所见')).toHaveValue('两肺纹理清晰。');
  return id;
}

test('a reader chooses the telephone, refuses once, comes back to what waits, and the report is signed', async ({ person }) => {
  const page = await person('reader');
  const id = await written(page);
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog', { name: '签发报告' });
  await expect(dialog.getByLabel('签名口令', { exact: true })).toBeVisible();
  await dialog.getByRole('radiogroup', { name: '签名方式' }).getByText('手机签名').click();
  await expect(dialog.getByLabel('签名口令', { exact: true })).toHaveCount(0);
  await shot(page, 'telephone-choose');
  await dialog.getByRole('button', { name: '发送到手机' }).click();
  const waiting = page.getByTestId('phone-waiting');
  await expect(waiting).toContainText('请在手机上确认');
  await answer('refuse');
  await expect(page.getByTestId('phone-ended')).toContainText('已在手机上拒绝');
  await shot(page, 'telephone-refused');

  await dialog.getByRole('button', { name: '发送到手机' }).click();
  const code = (await waiting.getByLabel('核对码').textContent()) ?? '';
  expect(code).toMatch(/^\d{4}$/);
  expect((await shown()).text).toContain(code);
  await shot(page, 'telephone-waiting');
  // Whoever closes the page, or loads it again, finds it waiting.
  await page.reload();
  const bar = page.getByTestId('phone-bar');
  await expect(bar).toContainText(code);
  await shot(page, 'telephone-bar');
  await bar.getByRole('button', { name: '查看' }).click();
  await expect(waiting).toContainText(code);
  await answer('agree');
  await expect(waiting).toHaveCount(0);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect.poll(async () => (await cast.get<{ state: string }>('township', `/consults/${id}`)).state).toBe('delivered');
  await page.goto(`/cases/${id}/report`);
  await expect(page.getByText('王建国：手机签名')).toBeVisible();
  await shot(page, 'telephone-signed');
});

test('what waits is taken back, and the passphrase signs instead', async ({ person }) => {
  const page = await person('reader');
  await written(page);
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog', { name: '签发报告' });
  await dialog.getByRole('radiogroup', { name: '签名方式' }).getByText('手机签名').click();
  await dialog.getByRole('button', { name: '发送到手机' }).click();
  const { responseID } = await shown();
  await page.getByTestId('phone-waiting').getByRole('button', { name: '取消手机签名' }).click();
  await expect(page.getByTestId('phone-ended')).toContainText('已取消');
  await expect
    .poll(async () => ((await (await fetch(`${address}/phone`)).json()) as Question[]).find((one) => one.responseID === responseID)?.answer)
    .toBe('cancelled');
  await dialog.getByRole('radiogroup', { name: '签名方式' }).getByText('口令签名').click();
  await expect(dialog.getByLabel('签名口令', { exact: true })).toBeVisible();
});
