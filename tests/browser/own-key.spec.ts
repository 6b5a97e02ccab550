/** Signing with a key in one's own hands: a PKCS#12 file, opened in the page. Neither its passphrase nor its key leaves it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BrowserContext, Page } from '@playwright/test';
import { program } from './node.ts';
import { expect as patient, phone, shot, test } from './people.ts';
import { ask, chestOf, ownNode } from './stage.ts';

const expect = patient.configure({ timeout: 60_000 });

test.describe.configure({ mode: 'serial', timeout: 600_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });

const root = resolve(import.meta.dirname, '../..');
const python = process.env['FARSIGHT_PYTHON'] ?? join(root, '.venv/bin/python');
const passphrase = 'own 签名 key';

const { node, cast } = ownNode('own-key');

/** A file with a key of somebody's, by the demonstration's authority. */
function keyOf(name: string, kind: string, ...more: string[]): string {
  const to = join(node.folder, [name, kind, ...more].join('-'));
  const script = join(root, 'tests/peers/own_key.py');
  execFileSync(python, [script, 'make', to, node.authority(), name, '市医院诊断中心', kind, ...more]);
  return join(to, 'own.p12');
}

/** Everything that a browser sends from now on, address and body. */
function sentBy(context: BrowserContext): () => Buffer {
  const parts: Buffer[] = [];
  context.on('request', (request) => parts.push(Buffer.from(`${request.url()}\n${JSON.stringify(request.headers())}\n`), request.postDataBuffer() ?? Buffer.alloc(0)));
  return () => Buffer.concat(parts);
}

/** No piece of the private key, as it is or as text, and no passphrase. */
function expectKept(sent: Buffer, file: string): void {
  const pkcs8 = execFileSync('openssl', ['pkcs12', '-in', file, '-nocerts', '-noenc', '-legacy', '-passin', `pass:${passphrase}`]);
  const key = execFileSync('openssl', ['pkey', '-outform', 'DER'], { input: pkcs8 });
  const whole = readFileSync(file);
  expect(sent.length).toBeGreaterThan(1000);
  for (const secret of [passphrase, encodeURIComponent(passphrase), JSON.stringify(passphrase).slice(1, -1)]) expect(sent.includes(secret)).toBe(false);
  const text = sent.toString('latin1');
  // The secret number of an EC key begins 36 bytes in, the primes of an RSA key lie behind its public half.
  const isElliptic = key.length < 300;
  const secretPart = isElliptic ? key.subarray(36, 68) : key.subarray(key.length - 600, key.length - 40);
  for (const part of [secretPart, whole.subarray(whole.length - 400)]) {
    expect(sent.includes(part.subarray(0, 24))).toBe(false);
    // In base64, at each of the three places where it may begin.
    for (const skip of [0, 1, 2]) expect(text).not.toContain(part.subarray(skip, skip + 24).toString('base64'));
    expect(text.toLowerCase()).not.toContain(part.subarray(0, 16).toString('hex'));
  }
}

async function chooseFile(page: Page, file: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: '证书文件', exact: true }).click();
  await (await chooser).setFiles(file);
}

async function open(page: Page, file: string, secret = passphrase): Promise<void> {
  await chooseFile(page, file);
  await page.getByLabel('证书文件口令', { exact: true }).fill(secret);
  await page.keyboard.press('Enter');
}

async function register(page: Page, file: string): Promise<void> {
  await page.goto('/account');
  const part = page.getByRole('region', { name: '我的签名证书' });
  const replace = part.getByRole('button', { name: '更换证书' });
  await expect(part.getByText('还没有登记证书').or(replace)).toBeVisible();
  if (await replace.isVisible()) await replace.click();
  await open(page, file);
  await expect(page.getByTestId('own-key')).toContainText('王建国 · 市医院诊断中心');
  await part.getByRole('button', { name: '登记这张证书' }).click();
  await expect(part.getByRole('button', { name: '更换证书' })).toBeVisible();
}

/** A report that is written, its page open, and the dialog of the signature. */
async function written(page: Page) {
  const { id } = await ask(cast, await chestOf(cast), 'urgent', '自持证书试签');
  await cast.step('township', id, 'submit');
  await cast.step('reader', id, 'claim');
  await cast.report('reader', id, { findings: '两肺纹理清晰。', diagnosis: '胸部CT未见明显异常。', recommendation: '随访。' });
  // The page notes in the draft which series was shown, as soon as its image is there.
  const noted = page.waitForResponse((answer) => answer.request().method() === 'PUT' && answer.url().endsWith(`/${id}/report`));
  await page.goto(`/cases/${id}`);
  await expect(page.getByLabel('影像所见')).toHaveValue('两肺纹理清晰。');
  await noted;
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog', { name: '签发报告' });
  await dialog.getByRole('radiogroup', { name: '签名方式' }).getByText('自持证书').click();
  return { id, dialog };
}

async function expectSigned(id: string): Promise<void> {
  await expect.poll(async () => (await cast.get<{ state: string }>('township', `/consults/${id}`)).state).toBe('delivered');
  const pdf = join(node.folder, `${id}.pdf`);
  const answer = await (await cast.as('township')).get(`/api/v1/consults/${id}/report.pdf`);
  writeFileSync(pdf, await answer.body());
  const anchors = (JSON.parse(readFileSync(node.manifest, 'utf8')) as { trust_anchors: string }).trust_anchors;
  const verdict = JSON.parse(execFileSync(program(), ['verify', '--json', pdf, '--trust-anchor', anchors]).toString()) as {
    ok: boolean;
    signers: { key: string }[];
  };
  expect(verdict.ok).toBe(true);
  expect(verdict.signers.map(({ key }) => key)).toEqual(['own']);
}

for (const [kind, ...more] of [['p256'], ['rsa', 'legacy']]) {
  test(`a reader registers a certificate and signs with a file of ${[kind, ...more].join(', ')}; nothing secret is sent`, async ({ person }) => {
    const file = keyOf('王建国', kind ?? '', ...more);
    const page = await person('reader');
    const sent = sentBy(page.context());
    await register(page, file);
    await shot(page, `own-key-registered-${kind}`);
    const { id, dialog } = await written(page);
    await chooseFile(page, file);
    await dialog.getByLabel('证书文件口令', { exact: true }).fill('wrong');
    await page.keyboard.press('Enter');
    await expect(dialog.getByRole('alert')).toHaveText('口令不对，请再试一次。');
    await shot(page, `own-key-wrong-${kind}`);
    await page.keyboard.type(passphrase);
    await page.keyboard.press('Enter');
    await expect(dialog.getByTestId('own-key')).toContainText('与您登记的证书一致');
    await shot(page, `own-key-open-${kind}`);
    // The button that signs has the focus.
    await expect(dialog.getByRole('button', { name: '确认签名' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expectSigned(id);
    expectKept(sent(), file);
    await page.goto(`/cases/${id}/report`);
    await expect(page.getByText('王建国：自持证书')).toBeVisible();
    await expect(page.getByText('密钥由签名人自持')).toBeVisible();
    await shot(page, `own-key-signed-${kind}`);
  });
}

test('each file that does not fit says why, and signs nothing', async ({ person }) => {
  const page = await person('reader');
  await register(page, keyOf('王建国', 'p384'));
  const { id, dialog } = await written(page);
  for (const [name, kind, words] of [
    ['王建国', 'sm2', '这是国密 SM2 证书'],
    ['李明', 'p256', '这不是您的证书：您的姓名是“王建国”'],
    ['王建国', 'p256', '这不是您登记的证书'],
  ] as const) {
    await open(page, keyOf(name, kind));
    await expect(dialog.getByRole('alert')).toContainText(words);
    await expect(dialog.getByRole('button', { name: '确认签名' })).toBeDisabled();
    await shot(page, `own-key-unfit-${name === '王建国' ? kind : 'other'}`);
    const other = dialog.getByRole('button', { name: '换一个文件' });
    if (await other.isVisible()) await other.click();
  }
  expect((await cast.get<{ state: string }>('reader', `/consults/${id}`)).state).toBe('reading');
});

test('the account page on a phone', async ({ person }) => {
  const page = await person('reader', phone);
  await page.goto('/account');
  await page.getByRole('region', { name: '我的签名证书' }).scrollIntoViewIfNeeded();
  await expect(page.getByRole('button', { name: '更换证书' })).toBeVisible();
  await shot(page, 'own-key-account-phone');
});
