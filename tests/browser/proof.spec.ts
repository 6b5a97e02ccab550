/** Who one is without a password: a passkey of Chromium's own authenticator, and single sign-on with a real OpenID provider. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, type Page } from '@playwright/test';
import { account, demo, program, screenshots } from './node.ts';

const shot = (page: Page, name: string) => page.screenshot({ path: `${screenshots}/proof-${name}.png` });

async function logIn(page: Page, login: string, password: string): Promise<void> {
  await page.goto('/');
  await page.getByLabel('登录名').fill(login);
  await page.getByLabel('密码', { exact: true }).fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

test('somebody registers a passkey, logs in with it alone, and proves with it who they are', async ({ browser }) => {
  test.slow();
  // Browsers have no passkeys for bare addresses.
  const base = demo().base_url.replace('127.0.0.1', 'localhost');
  const context = await browser.newContext({ baseURL: base });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const { password } = account('reviewer');
  await logIn(page, 'reviewer', password);
  await expect(page.getByRole('navigation', { name: '导航' })).toBeVisible();
  await page.goto('/account');
  await page.getByLabel('名称').fill('门诊电脑');
  await page.getByRole('button', { name: '登记通行密钥' }).click();
  await expect(page.getByRole('cell', { name: '门诊电脑', exact: true })).toBeVisible();
  await shot(page, 'account');

  await page.getByRole('button', { name: /的菜单/ }).click();
  await page.getByRole('menuitem', { name: '退出' }).click();
  await expect(page.getByLabel('登录名')).toBeVisible();
  await logIn(page, 'reviewer', password);
  await expect(page.getByText('这个账号还要用通行密钥登录')).toBeVisible();
  await shot(page, 'login');
  await page.getByRole('button', { name: '用通行密钥登录' }).click();
  await expect(page.getByRole('navigation', { name: '导航' })).toBeVisible();
  const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
  expect(credentials).toHaveLength(1);
  expect(credentials[0]?.rpId).toBe('localhost');

  // What comes minutes after the log-in is first answered so; the proof itself is the node's to judge.
  let asked = 0;
  await page.route('**/api/v1/session/passkeys/*', async (route) => {
    asked += 1;
    if (asked > 1) return route.continue();
    return route.fulfill({ status: 403, contentType: 'application/problem+json', json: { type: '/problems/proof-needed', status: 403 } });
  });
  await page.goto('/account');
  await page.getByRole('button', { name: '移除“门诊电脑”' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '移除', exact: true }).click();
  const proof = page.getByRole('dialog', { name: '请确认是您本人' });
  await expect(proof.getByRole('button', { name: '用通行密钥确认' })).toBeVisible();
  await shot(page, 'dialog');
  const proved = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/session/proof/passkey'));
  await proof.getByRole('button', { name: '用通行密钥确认' }).click();
  expect((await proved).status()).toBe(204);
  await expect(page.getByRole('cell', { name: '门诊电脑', exact: true })).toHaveCount(0);
  await context.close();
});

interface Site {
  base: string;
  /** The path of the link by which 赵敏 is invited. */
  invitation: string;
  stop: () => void;
}

/** A port that nobody listens on, below those that the system gives away by itself: nobody takes it before the node does. */
async function freePort(): Promise<number> {
  const port = 5_000 + Math.floor(Math.random() * 4_000);
  const server: Server = createServer();
  const isFree = await new Promise<boolean>((done) => {
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => done(true));
  });
  if (!isFree) return freePort();
  await new Promise((done) => server.close(done));
  return port;
}

/** A node for real, with one account, that logs people in by this provider. */
async function site(issuer: string, secret: string, port: number): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'farsight-sign-on-'));
  const [config, secretFile] = [join(folder, 'farsight.toml'), join(folder, 'secret')];
  writeFileSync(secretFile, secret, { mode: 0o600 });
  writeFileSync(
    config,
    `[storage]
directory = "${join(folder, 'data')}"
[http]
listen = "127.0.0.1:${port}"
public_url = "http://127.0.0.1:${port}"
[dicom]
listen = "127.0.0.1:${await freePort()}"
[signing]
timestamps = "none"
[oidc]
issuer = "${issuer}"
name = "市医联体"
client_id = "farsight"
client_secret_file = "${secretFile}"
networks = ["127.0.0.0/8"]
`,
  );
  const command = (input: string, ...words: string[]) => execFileSync(program(), [...words, '--config', config], { input, stdio: ['pipe', 'pipe', 'inherit'] });
  command('', 'org', 'add', 'city', '市医院诊断中心', '--kind', 'centre');
  command('tidal otter 47\n', 'user', 'add', 'wang', '王建国', '--org', 'city', '--roles', 'reader');
  const invited = command('', 'user', 'add', 'zhao', '赵敏', '--org', 'city', '--roles', 'requester', '--invite');
  const invitation = `/join#${invited.toString().trim().split('#')[1]}`;
  const node = spawn(program(), ['serve', '--config', config], { stdio: 'ignore' });
  const base = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const isUp = await fetch(`${base}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isUp) break;
    if (tries > 600 || node.exitCode !== null) throw new Error('the node does not come up');
    await pause(100);
  }
  const stop = () => {
    node.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return { base, invitation, stop };
}

test('somebody binds their account at a provider and logs in by it', async ({ browser }) => {
  test.slow();
  const { default: Provider } = (await import('oidc-provider' as string)) as {
    default: new (issuer: string, config: object) => { listen: (port: number, host: string) => Server };
  };
  const [ours, theirs] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${theirs}`;
  const secret = 'a secret between the two of them';
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'farsight',
        client_secret: secret,
        redirect_uris: [`http://127.0.0.1:${ours}/api/v1/session/sign-on/callback`],
      },
    ],
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
  }).listen(theirs, '127.0.0.1');
  const { base, invitation, stop } = await site(issuer, secret, ours);
  try {
    const context = await browser.newContext({ baseURL: base });
    const page = await context.newPage();
    /** What people do at the provider's pages. */
    const atProvider = async (page: Page, staff: string) => {
      await page.waitForURL(new RegExp(`^${issuer}/interaction`));
      const field = page.locator('input[name=login]');
      if ((await field.count()) > 0) {
        await field.fill(staff);
        await page.locator('input[name=password]').fill('whatever');
        await page.locator('button[type=submit]').click();
        await page.waitForLoadState();
      }
      if (page.url().startsWith(issuer)) await page.locator('button[type=submit]').click();
    };
    await page.goto('/');
    await page.getByRole('link', { name: '用 市医联体 登录' }).click();
    await atProvider(page, 'staff-7');
    await expect(page.getByText('还没有绑定：请先用密码登录')).toBeVisible();
    await shot(page, 'unbound');

    await logIn(page, 'wang', 'tidal otter 47');
    await expect(page.getByRole('navigation', { name: '导航' })).toBeVisible();
    await page.goto('/account');
    await page.getByRole('button', { name: '绑定 市医联体 的账号' }).click();
    await page.waitForURL(/\/account\?sign_on=bound/);
    await expect(page.getByText('已绑定 市医联体 的账号。')).toBeVisible();
    await shot(page, 'bound');

    await page.getByRole('button', { name: /的菜单/ }).click();
    await page.getByRole('menuitem', { name: '退出' }).click();
    await page.getByRole('link', { name: '用 市医联体 登录' }).click();
    await expect(page.getByRole('navigation', { name: '导航' })).toBeVisible();
    await page.goto('/account');
    await expect(page.getByText('单点登录', { exact: true }).first()).toBeVisible();

    // An answer that was not asked for logs nobody in.
    await context.clearCookies();
    await page.goto('/api/v1/session/sign-on/callback?code=x&state=y');
    await expect(page.getByText('单点登录没有成功')).toBeVisible();
    await context.close();

    // Somebody new takes up the invitation there, without a password, and the link is used up.
    const newcomer = await browser.newContext({ baseURL: base });
    const joining = await newcomer.newPage();
    await joining.goto(invitation);
    await expect(joining.getByText('赵敏，市医院诊断中心邀请您使用远见。')).toBeVisible();
    await shot(joining, 'join');
    await joining.getByRole('button', { name: '用 市医联体 的账号登录，不用密码' }).click();
    await atProvider(joining, 'staff-9');
    await expect(joining.getByRole('navigation', { name: '导航' })).toBeVisible();
    await shot(joining, 'joined');
    await joining.goto('/account');
    await expect(joining.getByText('已绑定 市医联体 的账号。')).toBeVisible();
    await newcomer.clearCookies();
    await joining.goto(invitation);
    await expect(joining.getByText('这个链接已经用过、已过期或不完整')).toBeVisible();
    await newcomer.close();
  } finally {
    stop();
    provider.closeAllConnections();
    provider.close();
  }
});
