/** After one case the next: by a key to every case that waits, and by itself after signing, unless the person would rather not. */
import type { Page } from '@playwright/test';
import { askOfChest, takeBack, type Asked } from './asking.ts';
import { account } from './node.ts';
import { expect, json, test } from './people.ts';

interface Preferences {
  opens_next: boolean | null;
}

const preferences = '/api/v1/session/preferences';

interface Case {
  version: number;
  report: { displayed: string[] } | null;
}

const caseOf = (page: Page, id: string) => json<Case>(page.request, 'get', `/api/v1/consults/${id}`);

async function like(page: Page, opens_next: boolean | null): Promise<void> {
  const kept = await json<Preferences>(page.request, 'get', preferences);
  const answer = await page.request.put(preferences, { headers: { 'X-Farsight': '1' }, data: { ...kept, opens_next } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

async function openToSign(page: Page, id: string): Promise<void> {
  await page.goto(`/cases/${id}`);
  // The page notes in the draft which image was shown, as soon as it is there: the signature is of what was looked at.
  await expect.poll(async () => (await caseOf(page, id)).report?.displayed.length ?? 0, { timeout: 90_000 }).toBeGreaterThan(0);
  await page.getByLabel('影像所见').fill('所见。');
  await page.getByLabel('诊断意见').fill('意见。');
  await page.getByLabel('诊断意见').press('Control+Enter');
  await page.getByRole('dialog').getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
}

test('the next case opens by itself for a reader, until they would rather not, wherever they log in', async ({ person }) => {
  const township = await person('township');
  const first = await askOfChest(township, { question: '连读一', urgency: 'emergency' });
  const second = await askOfChest(township, { question: '连读二', urgency: 'emergency' });
  const reader = await person('reader');
  for (const { id, version } of [first, second]) await json(reader.request, 'post', `/api/v1/consults/${id}/claim`, { version });
  try {
    await like(reader, null);
    const asked: string[] = [];
    // The viewer itself does not ask for frames in this way.
    reader.on('request', (request) => request.resourceType() === 'fetch' && asked.push(new URL(request.url()).pathname));
    await openToSign(reader, first.id);
    const isOther = (path: string) => /^\/api\/v1\/consults\/[^/]+$/.test(path) && !path.endsWith(first.id);
    await expect.poll(() => asked.some(isOther), 'the next case is fetched while this one is signed').toBe(true);
    await expect.poll(() => asked.some((path) => path.endsWith('/frames/1')), 'and its first image').toBe(true);
    await expect(reader.getByLabel('签名后打开下一例')).toBeChecked();
    await reader.getByRole('button', { name: '确认签名' }).click();
    // Which case comes next depends on what else the reader has.
    await expect(reader).not.toHaveURL(new RegExp(`/cases/${first.id}`));
    await expect(reader).toHaveURL(/\/cases\/[^/]+$/);
    await expect(reader.getByRole('img', { name: /^影像/ }).first()).toHaveAttribute('data-shown', 'true', { timeout: 90_000 });

    await openToSign(reader, second.id);
    await reader.getByLabel('签名后打开下一例').click();
    await expect(reader.getByLabel('签名后打开下一例')).not.toBeChecked();
    await reader.getByRole('button', { name: '确认签名' }).click();
    await expect(reader.getByRole('dialog')).toHaveCount(0);
    await expect(reader).toHaveURL(new RegExp(`/cases/${second.id}`));
    const elsewhere = await person('reader');
    // The page does not wait until its liking is kept.
    await expect.poll(async () => (await json<Preferences>(elsewhere.request, 'get', preferences)).opens_next).toBe(false);
  } finally {
    await like(reader, false);
  }
});

test('by one key a reader comes round to every case of their own, an assigned one too, and is told where the list does not come', async ({ person, tolerate }) => {
  tolerate(/ERR_FAILED|status of 409/);
  const township = await person('township');
  const asked: Asked[] = [];
  for (const question of ['轮到一', '轮到二', '轮到三']) asked.push(await askOfChest(township, { question, urgency: 'emergency' }));
  const own = asked.map(({ id }) => id);
  const reader = await person('reader');
  const coordinator = await person('coordinator');
  const [first = '', ...others] = asked.map(({ id }) => `/api/v1/consults/${id}`);
  const version = async (address: string) => (await json<Case>(reader.request, 'get', address)).version;
  await json(reader.request, 'post', `${first}/claim`, { version: await version(first) });
  // Assigned, and not begun: what is somebody's own already, though they have done nothing yet.
  for (const address of others) await json(coordinator.request, 'post', `${address}/assign`, { version: await version(address), person: 'demo-reader', reason: '' });

  const here = () => new URL(reader.url()).pathname.split('/').at(-1) ?? '';
  const goOn = async () => {
    const from = here();
    await expect(async () => {
      await reader.keyboard.press('n');
      await expect.poll(here, { timeout: 3_000 }).not.toBe(from);
    }).toPass();
  };
  const report = reader.getByRole('region', { name: '报告' });
  await reader.goto(`/cases/${own[0]}`);
  await expect(report).toBeVisible();

  await reader.route('**/api/v1/consults?*', (route) => route.abort());
  const retry = reader.getByRole('main').getByRole('button', { name: '重试' });
  // A page that has only just come does not listen yet.
  await expect(async () => {
    await reader.keyboard.press('n');
    await expect(retry).toBeVisible({ timeout: 3_000 });
  }).toPass();
  expect(here()).toBe(own[0]);
  await reader.unroute('**/api/v1/consults?*');
  await retry.click();
  await expect.poll(here).not.toBe(own[0]);

  const came = new Set([own[0], here()]);
  for (let step = 0; step < 12 && own.some((id) => !came.has(id)); step += 1) {
    // Nothing of strangers comes as long as something of one's own waits.
    expect(await json<{ reader: { id: string } | null }>(reader.request, 'get', `/api/v1/consults/${here()}`)).toMatchObject({ reader: { id: 'demo-reader' } });
    await goOn();
    came.add(here());
  }
  for (const id of own) expect([...came]).toContain(id);
  for (const id of own) await takeBack(township, id, reader);
});
