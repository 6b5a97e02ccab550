/** 远程会诊 to its end: images that arrive while it is read, and what the hospital that asked decides. */
import type { Page, Request } from '@playwright/test';
import { askOfChest, takeBack } from './asking.ts';
import { store, type Made } from './made.ts';
import { account, demo } from './node.ts';
import { expect, expectNoSidewaysScroll, json, phone, shot, test } from './people.ts';

interface Case {
  id: string;
  version: number;
  state: string;
  evidence: unknown[];
  report: { displayed: string[] } | null;
}

const seen = (page: Page, id: string) => json<Case>(page.request, 'get', `/api/v1/consults/${id}`);

/** A step where its page is not what is looked at. */
async function step(page: Page, id: string, name: string, more: object = {}): Promise<Case> {
  const { version } = await seen(page, id);
  return json<Case>(page.request, 'post', `/api/v1/consults/${id}/${name}`, { version, ...more });
}

async function sign(page: Page): Promise<void> {
  await page.keyboard.press('Control+Enter');
  await confirm(page);
}

async function confirm(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('签名口令', { exact: true }).fill(account('reader').signing_passphrase ?? '');
  await dialog.getByRole('button', { name: '确认签名' }).click();
  await expect(dialog).toHaveCount(0);
}

/** What the hospital decides, by its page. */
async function decide(page: Page, words: string): Promise<void> {
  await page.getByRole('button', { name: '记录诊疗决定', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: '记录本院的诊疗决定' });
  await expect(dialog.getByRole('button', { name: '记录诊疗决定' }), 'words are needed').toBeDisabled();
  await dialog.getByRole('textbox').fill(words);
  await shot(page, 'decision');
  await dialog.getByRole('button', { name: '记录诊疗决定' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByText(words)).toBeVisible();
}

/** Asked by the hospital about a stack of its own. */
async function ask(township: Page, study: Made): Promise<Case> {
  const draft = await json<Case>(township.request, 'post', '/api/v1/consults', {
    reading_organisation: demo().organisations.find(({ kind }) => kind === 'centre')?.id,
    kind: 'consultation',
    urgency: 'routine',
    study: { org: study.org, study_instance_uid: study.study },
    question: `是否需要手术？${Date.now().toString(36)}`,
    history: '',
    consent: true,
  });
  return step(township, draft.id, 'submit');
}

const screenOf = (page: Page) => page.getByTestId('viewport').first().getByRole('img', { name: /^影像/ });

/** Pixels stay away until they are let through. */
async function withholdPixels(page: Page): Promise<() => Promise<void>> {
  let letThrough = () => undefined as void;
  const waiting = new Promise<void>((done) => {
    letThrough = done;
  });
  await page.route(/\/frames\//, async (route) => {
    await waiting;
    await route.continue().catch(() => undefined);
  });
  return async () => {
    letThrough();
    await expect(screenOf(page)).toHaveAttribute('data-shown', 'true', { timeout: 60_000 });
  };
}

async function write(page: Page): Promise<void> {
  await page.getByLabel('影像所见').fill('右肺中叶见一结节。');
  await page.getByLabel('诊断意见').fill('右肺中叶结节，建议随访。');
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
}

const isSave = (request: Request) => request.method() === 'PUT' && request.url().endsWith('/report');

// What the server refuses, the browser says on its console, and that fails these two.
test('the first image that is displayed after late ones were taken in is noted without a refusal', async ({ person }) => {
  test.slow();
  const study = await store('stack');
  const { id } = await ask(await person('township'), study);
  const reader = await person('reader');
  await step(reader, id, 'claim');
  const showPixels = await withholdPixels(reader);
  await reader.goto(`/cases/${id}`);
  await write(reader);
  const late = await store('late', study.study);
  await reader.reload();
  await reader.getByRole('button', { name: '接收新到图像' }).click();
  await expect(reader.getByTestId('late-images')).toHaveCount(0);
  expect((await seen(reader, id)).report?.displayed, 'nothing was displayed').toEqual([]);
  const saving = reader.waitForResponse((answer) => isSave(answer.request()));
  await showPixels();
  expect((await saving).status()).toBe(200);
  const noted = (await seen(reader, id)).report?.displayed ?? [];
  expect(noted.length).toBeGreaterThan(0);
  expect([...study.instances, ...late.instances]).toEqual(expect.arrayContaining(noted));
  await sign(reader);
});

test('what is displayed for the first time behind the dialog is no part of what is signed there', async ({ person }) => {
  test.slow();
  const { id } = await ask(await person('township'), await store('stack'));
  const reader = await person('reader');
  await step(reader, id, 'claim');
  const showPixels = await withholdPixels(reader);
  await reader.goto(`/cases/${id}`);
  await write(reader);
  await reader.keyboard.press('Control+Enter');
  const dialog = reader.getByRole('dialog');
  await expect(dialog.getByText('右肺中叶结节，建议随访。').first()).toBeVisible();
  // Longer than the page takes to note that it displays something.
  const saved = reader.waitForRequest(isSave, { timeout: 6_000 }).then(
    () => true,
    () => false,
  );
  await showPixels();
  expect(await saved, 'what is shown in the dialog is still so').toBe(false);
  await confirm(reader);
  const signed = await seen(reader, id);
  expect(signed.report?.displayed, 'as the dialog said').toEqual([]);

  // Closed without a signature, it is noted.
  await reader.goto('/');
  await step(reader, id, 'amend', { kind: 'addendum', reason: '补充' });
  const showAgain = await withholdPixels(reader);
  await reader.goto(`/cases/${id}`);
  await write(reader);
  await reader.keyboard.press('Control+Enter');
  await expect(dialog).toBeVisible();
  await showAgain();
  expect((await seen(reader, id)).report?.displayed).toEqual([]);
  await dialog.getByRole('button', { name: '返回' }).click();
  await expect.poll(async () => (await seen(reader, id)).report?.displayed.length ?? 0, { timeout: 60_000 }).toBeGreaterThan(0);
});

test('images that arrive late are taken in before it is signed, and the hospital decides, twice', async ({ person }) => {
  test.slow();
  const made = await store('stack');
  const township = await person('township');
  const asked = await ask(township, made);
  const { id } = asked;
  const reader = await person('reader');
  await step(reader, id, 'claim');
  await reader.goto(`/cases/${id}`);
  await write(reader);
  await expect(reader.getByTestId('late-images')).toHaveCount(0);

  await store('late', made.study);
  await reader.reload();
  const late = reader.getByTestId('late-images');
  await expect(late).toContainText('提交之后又有 1 幅新图像到达');
  await expect(late).toContainText('接收之前不能签名');
  await shot(reader, 'late-images');
  await late.getByRole('button', { name: '接收新到图像' }).click();
  await expect(late).toHaveCount(0);
  expect((await seen(reader, id)).evidence.length, 'frozen with the rest').toBe(asked.evidence.length + 1);
  await expect(reader.getByLabel('诊断意见'), 'what was written stays').toHaveValue('右肺中叶结节，建议随访。');
  await sign(reader);

  await township.goto(`/cases/${id}`);
  await expect(township.getByText('右肺中叶结节，建议随访。').first()).toBeVisible();
  const first = '本院决定：三个月后复查，暂不手术。';
  await decide(township, first);
  await expect(township.getByRole('heading', { name: '本院诊疗决定' })).toBeVisible();
  await shot(township, 'decision-recorded');

  // The centre adds to its report; what was decided on the report before stays, and the hospital decides again.
  await step(reader, id, 'amend', { kind: 'addendum', reason: '补充薄层图像所见' });
  await reader.goto(`/cases/${id}`);
  await reader.getByLabel('诊断意见').fill('右肺中叶结节，较前增大，建议手术。');
  await expect(reader.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
  await sign(reader);
  await township.reload();
  const second = '本院决定：转上级医院手术。';
  await decide(township, second);
  const decisions = await township.getByText(/^本院决定：/).allTextContents();
  expect(decisions, 'the former one stays, above').toEqual([first, second]);

  const mobile = await person('township', phone);
  await mobile.goto(`/cases/${id}`);
  await expect(mobile.getByText(second)).toBeVisible();
  await expectNoSidewaysScroll(mobile);
  await shot(mobile, 'phone-decision');
});

test('a report that is signed and not delivered yet is not offered to the hospital', async ({ person }) => {
  const [township, reader] = [await person('township'), await person('reader')];
  const { id } = await askOfChest(township, { question: '还没有时间戳' });
  try {
    // The time between the last signature and its time stamp.
    await township.route(new RegExp(`/api/v1/consults/${id}$`), async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...((await response.json()) as object), state: 'final', versions: [] } });
    });
    await township.goto(`/cases/${id}`);
    await expect(township.getByText('还没有时间戳')).toBeVisible();
    await expect(township.getByText('已签名，待时间戳')).toBeVisible();
    await expect(township.getByRole('heading', { name: '诊断报告' })).toHaveCount(0);
    await township.unrouteAll({ behavior: 'ignoreErrors' });
  } finally {
    await takeBack(township, id, reader);
  }
});
