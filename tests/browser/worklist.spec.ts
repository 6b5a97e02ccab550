/** The list that everybody begins with: with the columns and filters of each person, found by what is known of a case. */
import type { Page } from '@playwright/test';
import { askOfChest, takeBack, type Asked } from './asking.ts';
import { expect, json, shot, test } from './people.ts';

const mark = Date.now().toString().slice(-8);

interface Row extends Asked {
  study: { accession_number: string; study_date: string };
}

/** A case that waits, and what takes it off everybody's list again. */
async function waiting(township: Page, question: string): Promise<{ id: string; cancel: () => Promise<unknown> }> {
  const { id, version } = await askOfChest(township, { question });
  const cancel = () => json(township.request, 'post', `/api/v1/consults/${id}/cancel`, { version, reason: '演示结束' });
  return { id, cancel };
}

function preferences(page: Page): Promise<object> {
  return json<object>(page.request, 'get', '/api/v1/session/preferences');
}

test('columns and filters of a person are there on another computer', async ({ person }) => {
  const page = await person('pathologist');
  const before = await preferences(page);
  try {
    await page.goto('/?tab=all');
    await page.getByRole('button', { name: '筛选与列' }).click();
    const menu = page.getByRole('dialog', { name: /筛选/ });
    const accession = menu.getByRole('checkbox', { name: '检查号', exact: true });
    const requesting = menu.getByRole('checkbox', { name: '申请医院', exact: true });
    await accession.click();
    await expect(accession).toBeChecked();
    await requesting.click();
    await expect(requesting).not.toBeChecked();
    await expect(menu.getByRole('checkbox', { name: '患者', exact: true })).toBeDisabled();
    await menu.getByRole('combobox', { name: '检查类型' }).click();
    await menu.getByRole('option', { name: 'CT', exact: true }).click();
    await menu.getByLabel('给当前筛选起个名字').fill(`胸部 ${mark}`);
    await menu.getByRole('button', { name: '保存' }).click();
    await expect.poll(() => preferences(page)).toMatchObject({ worklist_filters: [{ name: `胸部 ${mark}`, modality: 'CT' }] });
    await shot(page, 'worklist-columns');

    const elsewhere = await person('pathologist');
    await elsewhere.goto('/?tab=all');
    await elsewhere.getByRole('button', { name: '筛选与列' }).click();
    const there = elsewhere.getByRole('dialog', { name: '筛选与列' });
    await expect(there.getByRole('checkbox', { name: '检查号', exact: true })).toBeChecked();
    await expect(there.getByRole('checkbox', { name: '申请医院', exact: true })).not.toBeChecked();
    await there.getByRole('button', { name: `胸部 ${mark}`, exact: true }).click();
    await expect(elsewhere).toHaveURL(/modality=CT/);
  } finally {
    await json(page.request, 'put', '/api/v1/session/preferences', before);
  }
});

test('a case is found by accession number and by the day of the study', async ({ person }) => {
  const township = await person('township');
  const question = `找得到吗 ${mark}`;
  const one = await waiting(township, question);
  try {
    const { study } = await json<Row>(township.request, 'get', `/api/v1/consults/${one.id}`);
    const day = study.study_date.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
    await township.goto('/?tab=all');
    const box = township.getByPlaceholder('姓名/拼音/号码/日期…');
    const rows = township.getByRole('row').filter({ has: township.getByRole('link') });
    await expect(rows).not.toHaveCount(0);
    for (const words of [study.accession_number, day, study.study_date]) {
      expect(words).not.toBe('');
      // The rows of one search stay until those of the next are there: the case is on the screen again only because it was found.
      await box.fill(`${words}9`);
      await expect(rows).toHaveCount(0);
      await box.fill(words);
      await expect(rows.filter({ hasText: question })).toBeVisible();
    }
  } finally {
    await one.cancel();
  }
});

test('a case is claimed and opened by keys: it stays selected though the pool has lost it, and pressed twice it is one claim', async ({ person }) => {
  const township = await person('township');
  const [first, second] = [await askOfChest(township, { question: `领取一 ${mark}` }), await askOfChest(township, { question: `领取二 ${mark}` })];
  const reader = await person('reader');
  await reader.keyboard.press('2');
  await expect(reader.getByRole('tab', { name: /待领取/ })).toHaveAttribute('aria-selected', 'true');
  const row = reader.getByRole('row').filter({ hasText: `领取一 ${mark}` });
  await expect(row).toHaveCount(1);
  for (let step = 0; step < 50 && (await row.getAttribute('aria-current')) === null; step += 1) await reader.keyboard.press('j');
  const waiting = async () => Number(/\d+/.exec((await reader.getByRole('tab', { name: /待领取/ }).textContent()) ?? '')?.[0]);
  const before = await waiting();
  await reader.keyboard.press('c');
  await reader.keyboard.press('c');
  await expect(row).toContainText('阅片中');
  // The list has been asked for since.
  await expect.poll(waiting).toBe(before - 1);
  await expect(row).toHaveAttribute('aria-current', 'true');
  await expect(reader.getByRole('main').getByRole('alert')).toHaveCount(0);
  await reader.keyboard.press('Enter');
  await reader.waitForURL(`/cases/${first.id}`);
  for (const { id } of [first, second]) await takeBack(township, id, reader);
});

test('while the line is dead the rows of one tab do not stand under the name of another', async ({ person }) => {
  const township = await person('township');
  const question = `在哪一页 ${mark}`;
  const one = await waiting(township, question);
  try {
    await township.goto('/?tab=all');
    const row = township.getByRole('row').filter({ hasText: question });
    await expect(row).toBeVisible();
    let goOn = () => {};
    const held = new Promise<void>((done) => (goOn = done));
    await township.route(/\/api\/v1\/consults\?.*tab=answered/, async (route) => {
      await held;
      await route.continue();
    });
    await township.getByRole('tab', { name: /已答复/ }).click();
    await expect(row).toHaveCount(0);
    await expect(township.locator('[aria-busy="true"]')).toBeVisible();
    // What is not on the screen is not opened.
    await township.keyboard.press('Enter');
    await expect(township).toHaveURL(/tab=answered/);
    goOn();
    await expect(township.locator('[aria-busy="true"]')).toHaveCount(0);
    await township.getByRole('tab', { name: /全部/ }).click();
    await expect(row).toBeVisible();
  } finally {
    await one.cancel();
  }
});
