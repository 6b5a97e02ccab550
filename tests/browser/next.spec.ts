/** After signing, the next case opens by itself, unless the person would rather not: that is kept with the person. */
import type { Page } from '@playwright/test';
import { askOfChest } from './asking.ts';
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
    await openToSign(reader, first.id);
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
