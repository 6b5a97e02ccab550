/** Studies without identity: exported by the archivist, put into a teaching collection, looked at there, taken out again. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page, Response } from '@playwright/test';
import { expect, expectNoSidewaysScroll, expectPicture, json, phone, shot, test } from './people.ts';

const mark = Date.now().toString(36);
const library = `教学库${mark}`;
const login = `xue-${mark}`;
const password = 'quiet heron 31';
const project = `影像教学${mark}`;

interface Study {
  study_instance_uid: string;
  patient_name: string;
  patient_id: string;
  accession_number: string;
  instance_count: number;
  modalities: string[];
  own: boolean;
  slide_ids: string[];
}

const dialog = (page: Page, name: string | RegExp) => page.getByRole('dialog', { name });

/** The archivist's studies: 张三's older CT, an ultrasound, and a slide. */
async function ownStudies(page: Page): Promise<Record<'ct' | 'us' | 'sm', Study>> {
  const { studies } = await json<{ studies: Study[] }>(page.request, 'get', '/api/v1/studies?limit=200');
  const find = (what: string, is: (study: Study) => boolean): Study => {
    const found = studies.find((study) => study.own && is(study));
    if (found === undefined) throw new Error(`the demo has no ${what}`);
    return found;
  };
  return {
    ct: find('older chest CT', ({ modalities, instance_count }) => modalities.includes('CT') && instance_count === 60),
    us: find('ultrasound', ({ modalities }) => modalities.includes('US')),
    sm: find('slide', ({ slide_ids }) => slide_ids.length > 0),
  };
}

/** What names these patients, wherever it stood: names, numbers, UIDs; no number so short that pixels hold it by chance. */
function needlesOf(studies: Study[]): string[] {
  const all = studies.flatMap((study) => [study.patient_name, study.patient_id, study.accession_number, study.study_instance_uid]);
  return [...new Set([...all, 'Zhang', '张三'])].filter((needle) => Buffer.byteLength(needle) > 5);
}

async function choose(page: Page, study: Study): Promise<void> {
  await page.getByRole('searchbox', { name: '搜索' }).fill(study.accession_number || study.patient_id);
  // Who is chosen already stays in sight, too.
  const found = page.locator('tr[data-chosen="false"]');
  await expect(found).toHaveCount(1);
  await expect(found).toContainText(study.patient_name);
  await found.getByRole('checkbox').check();
}

async function sayWhy(page: Page, reason: string): Promise<void> {
  await page.getByRole('textbox', { name: '用途' }).or(page.getByRole('combobox', { name: '用途' })).first().click();
  await page.getByRole('option', { name: '教学', exact: true }).click();
  await page.getByRole('textbox', { name: '说明' }).fill(reason);
}

/** What the network brings to a page, to be looked through afterwards. */
class Heard {
  private readonly pieces: Promise<[string, Buffer]>[] = [];

  constructor(page: Page) {
    page.context().on('response', (response: Response) => {
      const body = response.body().catch(() => Buffer.alloc(0));
      const headers = Buffer.from(JSON.stringify(response.headers()));
      this.pieces.push(body.then((bytes) => [response.url(), Buffer.concat([headers, bytes])]));
    });
  }

  async expectNothingOf(needles: string[]): Promise<void> {
    const all = await Promise.all(this.pieces);
    expect(all.filter(([url]) => url.includes('/dicom-web/')).length, 'images came').toBeGreaterThan(0);
    const told = all.flatMap(([url, bytes]) => needles.filter((needle) => bytes.includes(needle) || url.includes(needle)).map((needle) => `${needle} in ${url}`));
    expect(told).toEqual([]);
  }
}

async function expectNoName(page: Page, needles: string[]): Promise<void> {
  const text = `${await page.title()} ${page.url()} ${await page.content()}`;
  expect(needles.filter((needle) => text.includes(needle))).toEqual([]);
}

/** An administrator makes the collection and a learner of it; answers the learner's link. */
async function makeLibrary(page: Page): Promise<string> {
  await page.goto('/admin?tab=organisations');
  await page.getByRole('button', { name: '新建机构' }).click();
  const organisation = dialog(page, '新建机构');
  await organisation.getByLabel('名称').fill(library);
  await organisation.getByLabel('标识').fill(`library-${mark}`);
  await organisation.getByText('教学库', { exact: true }).click();
  await expect(organisation).toContainText('只供查看去标识检查');
  await shot(page, 'admin-collection-new');
  await organisation.getByRole('button', { name: '保存' }).click();
  await expect(page.getByRole('row').filter({ hasText: library })).toContainText('您方管理');
  await shot(page, 'admin-collection');

  await page.getByRole('tab', { name: '人员' }).click();
  await page.getByRole('combobox', { name: '机构' }).click();
  await page.getByRole('option', { name: library }).click();
  await page.getByRole('button', { name: '新建账号' }).click();
  const account = dialog(page, '新建账号');
  await account.getByLabel('姓名').fill('许学员');
  await account.getByLabel('登录名').fill(login);
  await expect(account.getByRole('checkbox', { name: '报告医师' })).toHaveCount(0);
  await account.getByRole('checkbox', { name: '学员（教学库）' }).check();
  await shot(page, 'admin-learner-new');
  await account.getByRole('button', { name: '保存' }).click();
  await page.getByRole('button', { name: '许学员的操作' }).click();
  await page.getByRole('menuitem', { name: '发邀请' }).click();
  await dialog(page, /发邀请/).getByRole('button', { name: '发邀请' }).click();
  return (await page.getByLabel('邀请链接', { exact: true }).and(page.locator('pre')).textContent()) ?? '';
}

test('a study is exported and put into a collection, where a learner sees the pseudonym and never the name', async ({ person, visitor, tolerate }) => {
  // Two exports, a slide, and what a learner's session no longer reaches.
  test.slow();
  tolerate(/status of 40[14]|WebSocket/);
  const admin = await person('admin');
  const link = await makeLibrary(admin);
  const page = await person('archivist');
  const { ct, us, sm } = await ownStudies(page);
  const needles = needlesOf([ct, us, sm]);

  // A project, and what of the studies would go out.
  await page.getByRole('navigation', { name: '导航' }).getByRole('link', { name: '去标识' }).click();
  await page.getByRole('button', { name: '新建项目' }).first().click();
  await dialog(page, '新建项目').getByLabel('项目名称').fill(project);
  await dialog(page, '新建项目').getByRole('button', { name: '建立项目' }).click();
  await expect(dialog(page, '新建项目')).toHaveCount(0);
  await expect(page.getByRole('combobox', { name: '项目' })).toHaveValue(project);
  await choose(page, ct);
  await choose(page, us);
  await page.getByRole('button', { name: '导出 2 个检查…' }).click();
  const exporting = dialog(page, `为“${project}”导出`);
  await expect(exporting.getByRole('alert')).toContainText('像素里可能印有患者姓名');
  await sayWhy(page, '第三章');
  await shot(page, 'deidentify-export');
  const download = page.waitForEvent('download');
  await exporting.getByRole('button', { name: '下载' }).click();
  const archive = await (await download).path();
  const root = resolve(import.meta.dirname, '../..');
  const python = process.env['FARSIGHT_PYTHON'] ?? join(root, '.venv/bin/python');
  const read = execFileSync(existsSync(python) ? python : 'python3', [join(root, 'tests/peers/read_deidentified.py'), archive, ...needles], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const exported = JSON.parse(read) as { found: unknown[]; instances: { patient_name: string; removed: string }[] };
  expect(exported.found).toEqual([]);
  expect(exported.instances.length, 'the ultrasound is held back').toBe(ct.instance_count);
  expect(new Set(exported.instances.map(({ removed }) => removed))).toEqual(new Set(['YES']));
  const pseudonym = exported.instances[0]?.patient_name ?? '';
  expect(pseudonym).toMatch(/^P-/);

  // Into the collection: the CT and the slide; the ultrasound is chosen no more.
  await expect(exporting).toHaveCount(0);
  await page.locator('tr[data-chosen="true"]').nth(1).getByRole('checkbox').uncheck();
  await choose(page, sm);
  await page.getByRole('button', { name: '放入教学库…' }).click();
  const putting = dialog(page, `为“${project}”放入教学库`);
  await expect(putting).toContainText('已在库中的不会重复放入');
  await putting.getByRole('combobox', { name: '教学库' }).click();
  await page.getByRole('option', { name: library }).click();
  await sayWhy(page, '第三章');
  await shot(page, 'deidentify-into-collection');
  await putting.getByRole('button', { name: '放入', exact: true }).click();
  const placed = page.getByRole('row').filter({ hasText: library });
  await expect(placed.filter({ hasText: '在库中' })).toHaveCount(2, { timeout: 60_000 });
  await expect(placed.filter({ hasText: `${ct.instance_count} 个` })).toContainText(pseudonym);
  await shot(page, 'deidentify-collections');

  // The learner.
  const learner = await visitor();
  const heard = new Heard(learner);
  await learner.goto(link);
  await learner.getByLabel('新密码').fill(password);
  await learner.getByLabel('再输一遍').fill(password);
  await learner.getByRole('button', { name: '设置密码' }).click();
  await expect(learner.getByText('密码已设置')).toBeVisible();
  await learner.goto('/');
  await learner.getByLabel('登录名').fill(login);
  await learner.getByLabel('密码', { exact: true }).fill(password);
  await learner.getByRole('button', { name: '登录', exact: true }).click();
  // One patient in the hospital is one here.
  const rows = learner.getByRole('row').filter({ hasText: pseudonym });
  await expect(rows.filter({ hasText: '已去标识' })).toHaveCount(2);
  const row = rows.filter({ has: learner.getByText(new RegExp(`\\b${ct.instance_count} `)) });
  await expect(learner.getByRole('navigation', { name: '导航' }).getByRole('link')).toHaveText(['检查', '切片']);
  await expectNoName(learner, needles);
  await shot(learner, 'collection-studies');
  await row.getByRole('link').first().click();
  await expect(learner.getByTestId('slice')).toHaveText(`图像 1 / ${ct.instance_count}`);
  await expect(learner.getByText(pseudonym).first()).toBeVisible();
  await expect(learner.getByText('已去标识').first()).toBeVisible();
  await expectPicture(learner, learner.getByTestId('viewport').first());
  await expectNoName(learner, needles);
  await shot(learner, 'collection-ct');

  await learner.getByRole('link', { name: '切片', exact: true }).click();
  // What arrives is made a slide a moment later.
  await expect(async () => {
    await learner.reload();
    await expect(learner.getByRole('main').getByText('已去标识')).toHaveCount(1, { timeout: 3_000 });
  }).toPass({ timeout: 60_000 });
  await shot(learner, 'collection-slides');
  await learner.getByRole('main').getByRole('link').first().click();
  await expect(learner.getByText('已去标识').first()).toBeVisible();
  await expectPicture(learner, learner.locator('canvas').first());
  await expect(learner.getByRole('img', { name: '全景' })).toBeVisible();
  await expect(learner.getByRole('button', { name: '标签' })).toHaveCount(0);
  await expectNoName(learner, needles);
  await shot(learner, 'collection-slide');
  await learner.getByRole('button', { name: /许学员/ }).click();
  await learner.getByRole('menuitem', { name: 'English' }).click();
  await expect(learner.getByText('de-identified').first()).toBeVisible();
  await heard.expectNothingOf(needles);

  const small = await person('archivist', phone);
  await small.goto('/deidentify');
  await small.getByRole('tab', { name: '教学库' }).click();
  await expect(small.getByText(pseudonym).first()).toBeVisible();
  await expectNoSidewaysScroll(small);
  await shot(small, 'deidentify-collections-phone');

  // Closed, nobody knows whose it was; taken out, nobody sees it.
  await page.getByRole('button', { name: '关闭项目' }).click();
  await dialog(page, `关闭项目“${project}”`).getByRole('button', { name: '关闭项目' }).click();
  await expect(dialog(page, /关闭项目/)).toHaveCount(0);
  await page.reload();
  await page.getByRole('tab', { name: '教学库' }).click();
  const left = page.getByRole('row').filter({ hasText: library });
  await expect(left.filter({ hasText: '项目已关闭，无从得知' })).toHaveCount(2);
  await shot(page, 'deidentify-collections-closed');
  for (const count of [1, 0]) {
    await left.first().getByRole('button', { name: '取出' }).click();
    const taking = dialog(page, new RegExp(`从“${library}”取出`));
    await expect(taking).toContainText('会被删除');
    await shot(page, 'deidentify-take-out');
    await taking.getByRole('button', { name: '取出' }).click();
    await expect(left).toHaveCount(count, { timeout: 30_000 });
  }
  await learner.goto('/studies');
  await expect(learner.getByText(pseudonym)).toHaveCount(0);
  await admin.reload();
  await admin.getByRole('combobox', { name: '机构' }).click();
  await admin.getByRole('option', { name: library }).click();
  await admin.getByRole('button', { name: '许学员的操作' }).click();
  await admin.getByRole('menuitem', { name: '停用账号' }).click();
  await dialog(admin, /停用账号/).getByRole('button', { name: '停用账号' }).click();
  await expect(admin.getByRole('row').filter({ hasText: '许学员' })).toContainText('已停用');
});
