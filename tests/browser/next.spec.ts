/** After signing, the next case opens by itself, unless the person would rather not: that is kept with the person. */
import type { Page } from '@playwright/test';
import { askOfChest } from './asking.ts';
import { account } from './node.ts';
import { expect, json, test } from './people.ts';

interface Preferences {
  opens_next: boolean | null;
}

const preferences = '/api/v1/session/preferences';
const versionOf = async (page: Page, id: string) => (await json<{ version: number }>(page.request, 'get', `/api/v1/consults/${id}`)).version;

async function like(page: Page, opens_next: boolean | null): Promise<void> {
  const kept = await json<Preferences>(page.request, 'get', preferences);
  const answer = await page.request.put(preferences, { headers: { 'X-Farsight': '1' }, data: { ...kept, opens_next } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

async function openToSign(page: Page): Promise<void> {
  await page.getByLabel('影像所见').fill('所见。');
  await page.getByLabel('诊断意见').fill('意见。');
  await page.getByLabel('诊断意见').press('Control+Enter');
  await page.getByRole('dialog').getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
}

test('the next case opens by itself for a reader, until they would rather not, wherever they log in', async ({ person }) => {
  const township = await person('township');
  const asked = [await askOfChest(township, { question: '连读一', urgency: 'emergency' }), await askOfChest(township, { question: '连读二', urgency: 'emergency' })];
  const reader = await person('reader');
  for (const { id } of asked) await json(reader.request, 'post', `/api/v1/consults/${id}/claim`, { version: await versionOf(reader, id) });
  try {
    await like(reader, null);
    await reader.goto(`/cases/${asked[0]?.id}`);
    await openToSign(reader);
    await expect(reader.getByLabel('签名后打开下一例')).toBeChecked();
    await reader.getByRole('button', { name: '确认签名' }).click();
    // Which case comes next depends on what else the reader has.
    await expect(reader).not.toHaveURL(new RegExp(`/cases/${asked[0]?.id}`));
    await expect(reader).toHaveURL(/\/cases\/[^/]+$/);
    await expect(reader.getByRole('img', { name: /^影像/ }).first()).toHaveAttribute('data-shown', 'true', { timeout: 90_000 });

    await reader.goto(`/cases/${asked[1]?.id}`);
    await openToSign(reader);
    await reader.getByLabel('签名后打开下一例').uncheck();
    await reader.getByRole('button', { name: '确认签名' }).click();
    await expect(reader.getByRole('dialog')).toHaveCount(0);
    await expect(reader).toHaveURL(new RegExp(`/cases/${asked[1]?.id}`));
    const elsewhere = await person('reader');
    expect((await json<Preferences>(elsewhere.request, 'get', preferences)).opens_next).toBe(false);
  } finally {
    await like(reader, false);
  }
});
