/** Every page of the application, and what opens over it: who goes there, and when it has come to rest. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import { account } from './node.ts';
import { asOneCase, withSlides } from './onSlides.ts';
import type { CaseName, Stage } from './stage.ts';

export interface Place {
  name: string;
  /** Whose page it is; nobody's: the login, a report's verification. */
  who: string | null;
  address: (stage: Stage) => string;
  /** What is not so on the stage: made up before the page is opened, in a browser that nobody uses afterwards. */
  given?: (page: Page, stage: Stage) => Promise<unknown>;
  /** What is opened there before it is looked at. */
  then?: (page: Page, stage: Stage) => Promise<void>;
  /** Pages of images are for screens (they are looked at there alone). */
  screenOnly?: boolean;
  /** It takes long, and axe knows from other places what it is made of. */
  catalogueOnly?: boolean;
}

const at = (address: string) => () => address;
const press = (key: string) => async (page: Page) => page.keyboard.press(key);

type Words = { [key: string]: Words | string };
const read = (file: string) => JSON.parse(readFileSync(new URL(`../../viewer/src/i18n/${file}.json`, import.meta.url), 'utf8')) as Words;
const words: Record<string, Words> = { zh: { ...read('zh'), ...read('zh.later') }, en: { ...read('en'), ...read('en.later') } };

/** What a key says in the language of the page, as an accessible name: with anything where the page says who or how many. */
export async function said(page: Page, key: string): Promise<RegExp> {
  const language = (await page.locator('html').getAttribute('lang')) === 'en' ? 'en' : 'zh';
  const text = key.split('.').reduce<Words | string | undefined>((at, part) => (typeof at === 'object' ? at[part] : undefined), words[language]);
  if (typeof text !== 'string') throw new Error(`there are no words for ${key}`);
  return new RegExp(`^${text.split(/\{\{.*?\}\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
}

/** Presses one button after the other, by the keys of their names. */
function choose(...keys: string[]): (page: Page) => Promise<void> {
  return async (page) => {
    for (const key of keys) {
      const name = await said(page, key);
      const button = page.getByRole('button', { name }).or(page.getByRole('menuitem', { name }));
      await button.first().click();
    }
  };
}

/** One after the other. */
function inTurn(...steps: ((page: Page, stage: Stage) => Promise<void>)[]): (page: Page, stage: Stage) => Promise<void> {
  return async (page, stage) => {
    for (const step of steps) await step(page, stage);
  };
}

/** Waits until it is there. */
function until(find: (page: Page) => Locator): (page: Page) => Promise<void> {
  return (page) => find(page).first().waitFor();
}

/** What the server says instead of what it would. */
function answers(path: string | RegExp, json: unknown, method = 'GET'): (page: Page) => Promise<unknown> {
  return (page) => page.route(path, (route) => (route.request().method() === method ? route.fulfill({ json }) : route.fallback()));
}

/** As `answers`, made of what it would say. */
function amends<Json>(path: string | RegExp, amend: (json: Json) => unknown): (page: Page) => Promise<unknown> {
  return (page) =>
    page.route(path, async (route) => {
      if (route.request().method() !== 'GET') return route.fallback();
      const response = await route.fetch();
      return route.fulfill({ response, json: amend((await response.json()) as Json) });
    });
}

/** What the server refuses. */
function refuses(path: string | RegExp, method: string, status: number, slug: string): (page: Page) => Promise<unknown> {
  const problem = { status, contentType: 'application/problem+json', body: JSON.stringify({ type: `/problems/${slug}`, status }) };
  return (page) => page.route(path, (route) => (route.request().method() === method ? route.fulfill(problem) : route.fallback()));
}

/** All of it. */
function given(...makes: ((page: Page, stage: Stage) => Promise<unknown>)[]): (page: Page, stage: Stage) => Promise<void> {
  return async (page, stage) => {
    for (const make of makes) await make(page, stage);
  };
}

/** Nothing but a browser of its own: what happens there is made up after the page is opened. */
const alone = async () => {};

const zeros = (counts: object) => Object.fromEntries(Object.keys(counts).map((key) => [key, 0]));

const findings = '右肺上叶见一实性结节，边缘毛糙，可见胸膜牵拉。';

/** Words of a report that this browser has, and the server has not. */
function keeps(who: string, of: CaseName): (page: Page, stage: Stage) => Promise<unknown> {
  return (page, { ids }) => {
    const report = { findings, diagnosis: '', recommendation: '', template: null, displayed: [], key_images: [] };
    const kept = [`farsight.report.${ids[of]}.demo-${who}`, JSON.stringify({ report, over: [], at: Date.now() })] as const;
    return page.addInitScript(([key, text]) => localStorage.setItem(key, text), kept);
  };
}

async function writeFindings(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: await said(page, 'report.findings') }).fill(findings);
}

/** The session ends, as the page learns when it saves. */
async function endSession(page: Page): Promise<void> {
  await refuses('**/consults/*/report', 'PUT', 401, 'unauthenticated')(page);
  await refuses('**/api/v1/session', 'GET', 401, 'unauthenticated')(page);
}

/** The right to write goes, as the page learns when it saves. */
async function endRight(page: Page): Promise<void> {
  await refuses('**/consults/*/report', 'PUT', 403, 'forbidden')(page);
  await amends<object>(/\/consults\/[^/]+$/, (consult) => ({ ...consult, allowed: [] }))(page);
}

/** Nothing comes through any more. */
async function cutLine(page: Page): Promise<void> {
  await page.route(/\/(api|healthz)\b/, (route) => route.abort());
}

function logIn(login: string, password: string): (page: Page) => Promise<void> {
  return async (page) => {
    await page.getByLabel(await said(page, 'login.name')).fill(login);
    await page.getByLabel(await said(page, 'login.password')).fill(password);
    await choose('login.submit')(page);
  };
}

/** One byte of it is another where `isForged`. */
function verify(isForged: boolean): (page: Page, stage: Stage) => Promise<void> {
  return async (page, { report }) => {
    const buffer = Buffer.from(report);
    if (isForged) buffer[buffer.length >> 2]! ^= 1;
    await page.locator('input[type=file]').setInputFiles({ name: 'report.pdf', mimeType: 'application/pdf', buffer });
    await page.getByRole('status').first().waitFor();
  };
}

/** An image that goes nowhere. */
async function sendImages(page: Page): Promise<void> {
  const files = ['IM0001', 'IM0002'].map((name) => ({ name, mimeType: 'application/dicom', buffer: Buffer.from(`${'\0'.repeat(128)}DICM`) }));
  await page.locator('input[type=file]').first().setInputFiles([...files, { name: 'README.TXT', mimeType: 'text/plain', buffer: Buffer.from('x') }]);
  await page.getByRole('button', { name: await said(page, 'upload.retry') }).waitFor();
}

/** As `choose`, where the name says how much is unread, if anything is. */
function chooseUnread(none: string, some: string): (page: Page) => Promise<void> {
  return async (page) => {
    const button = async (key: string): Promise<Locator> => page.getByRole('button', { name: await said(page, key) });
    await (await button(none)).or(await button(some)).first().click();
  };
}

/** A new secret wants a fresh proof of who asks, which the sessions of the stage soon do not have. */
async function bindPhone(page: Page): Promise<void> {
  await choose('factor.begin')(page);
  const code = page.getByRole('img', { name: await said(page, 'factor.qr') });
  const proof = page.getByLabel(await said(page, 'proof.field'));
  await code.or(proof).waitFor();
  if (await proof.isVisible()) {
    await proof.fill(account('township').password);
    await choose('proof.submit')(page);
  }
  await code.scrollIntoViewIfNeeded();
}

function chooseTab(name: string): (page: Page) => Promise<void> {
  return async (page) => page.getByRole('tab', { name: await said(page, name) }).click();
}

async function showPlanes(page: Page): Promise<void> {
  await page.locator('[data-shown=true]').first().waitFor();
  await page.keyboard.press('m');
  await page.locator('[data-testid=mpr][data-shown=true]').waitFor();
}

async function openFirstStudy(page: Page): Promise<void> {
  await page.locator('main a[href^="/studies/"]').first().click();
  await page.locator('[data-shown=true]').first().waitFor();
}

function showPart(title: string): (page: Page) => Promise<void> {
  return async (page) => {
    const part = page.getByRole('region', { name: await said(page, title) });
    await part.evaluate((element) => element.scrollIntoView());
  };
}

/** Nothing is sent: what is looked at is the question whose it is. What is on the server already is asked first. */
const sendsNothing = (page: Page) => page.route('**/api/v1/uploads/resumable', (route) => (route.request().method() === 'GET' ? route.fallback() : undefined));

async function chooseSlide(page: Page): Promise<void> {
  const slide = { name: 'B2026-0417 A1 HE.svs', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1 << 20, 'II*') };
  await page.locator('input[type="file"]').first().setInputFiles(slide);
  await page.getByRole('form', { name: await said(page, 'transfer.whose') }).waitFor();
}

/** Pages by themselves. */
export const pages: readonly Place[] = [
  { name: 'login', who: null, address: at('/') },
  { name: 'verify', who: null, address: at('/verify') },
  { name: 'verify-good', who: null, address: at('/verify'), then: verify(false) },
  { name: 'verify-forged', who: null, address: at(`/verify?number=FS20261128-7&sha256=${'0a1b'.repeat(16)}`), then: verify(true) },
  { name: 'join-bad-link', who: null, address: at('/join') },
  { name: 'worklist-township', who: 'township', address: at('/') },
  { name: 'worklist-empty', who: 'township', address: at('/?tab=overdue') },
  { name: 'worklist-not-found', who: 'township', address: at('/?q=%E8%B5%B5%E5%85%AD'), catalogueOnly: true },
  { name: 'worklist-answered', who: 'township', address: at('/?tab=answered') },
  { name: 'worklist-reader', who: 'reader', address: at('/?tab=all') },
  { name: 'worklist-preview', who: 'reader', address: at('/?tab=all'), then: press('Space'), screenOnly: true },
  { name: 'worklist-reviewer', who: 'reviewer', address: at('/') },
  { name: 'worklist-coordinator', who: 'coordinator', address: at('/?tab=all') },
  { name: 'studies', who: 'township', address: at('/studies') },
  { name: 'studies-centre', who: 'reader', address: at('/studies') },
  { name: 'study', who: 'reader', address: ({ study }) => `/studies/${study.org}/${study.uid}`, screenOnly: true },
  { name: 'mpr', who: 'reader', address: ({ study }) => `/studies/${study.org}/${study.uid}`, then: showPlanes, screenOnly: true, catalogueOnly: true },
  { name: 'slides', who: 'pathologist', address: at('/slides') },
  { name: 'slide', who: 'pathologist', address: ({ ids }) => `/slides/${ids.slide}` },
  {
    name: 'slides-beside',
    who: 'pathologist',
    address: ({ ids }) => `/slides/${ids.slide}`,
    given: (page) => withSlides(page, asOneCase),
    then: inTurn(press('s'), until((page) => page.locator('[data-sharp]').nth(1)), until((page) => page.locator('[data-sharp=true]'))),
    screenOnly: true,
    catalogueOnly: true,
  },
  { name: 'learner-studies', who: 'learner', address: at('/studies'), catalogueOnly: true },
  { name: 'learner-slides', who: 'learner', address: at('/slides'), catalogueOnly: true },
  { name: 'learner-study', who: 'learner', address: at('/studies'), then: openFirstStudy, screenOnly: true, catalogueOnly: true },
  { name: 'ask', who: 'township', address: at('/ask') },
  { name: 'ask-draft', who: 'township', address: ({ ids }) => `/ask?draft=${ids.draft}` },
  { name: 'case-asked', who: 'township', address: ({ ids }) => `/cases/${ids.pool}` },
  { name: 'case-critical', who: 'township', address: ({ ids }) => `/cases/${ids.reading}` },
  { name: 'case-waiting', who: 'township', address: ({ ids }) => `/cases/${ids.waiting}` },
  { name: 'case-answered', who: 'township', address: ({ ids }) => `/cases/${ids.final}` },
  { name: 'report', who: 'township', address: ({ ids }) => `/cases/${ids.final}/report` },
  { name: 'reading', who: 'reader', address: ({ ids }) => `/cases/${ids.reading}`, screenOnly: true },
  { name: 'reading-signed', who: 'reader', address: ({ ids }) => `/cases/${ids.final}`, screenOnly: true },
  { name: 'report-window', who: 'reader', address: ({ ids }) => `/report-window?pair=looks&case=${ids.reading}`, screenOnly: true },
  { name: 'prior-report', who: 'reader', address: ({ ids }) => `/cases/${ids.reading}`, then: press('Control+d'), screenOnly: true },
  { name: 'reading-coordinator', who: 'coordinator', address: ({ ids }) => `/cases/${ids.pool}` },
  { name: 'reading-slide', who: 'pathologist', address: ({ ids }) => `/cases/${ids.pathology}`, screenOnly: true },
  { name: 'uploads', who: 'uploader', address: at('/uploads') },
  { name: 'orders', who: 'uploader', address: at('/orders') },
  { name: 'forbidden', who: 'uploader', address: at('/audit'), catalogueOnly: true },
  { name: 'statistics', who: 'coordinator', address: at('/statistics') },
  { name: 'statistics-charts', who: 'coordinator', address: at('/statistics?view=charts') },
  { name: 'statistics-alliance', who: 'reader2', address: at('/statistics') },
  { name: 'templates', who: 'coordinator', address: at('/templates') },
  { name: 'template', who: 'coordinator', address: at('/templates?id=ct-chest') },
  { name: 'assignment', who: 'coordinator', address: at('/assignment') },
  { name: 'assignment-rules', who: 'coordinator', address: at('/assignment?tab=rules') },
  { name: 'deidentify', who: 'archivist', address: at('/deidentify') },
  { name: 'deidentify-collections', who: 'archivist', address: at('/deidentify'), then: chooseTab('deidentify.tab.collections'), catalogueOnly: true },
  { name: 'devices', who: 'admin', address: at('/devices') },
  { name: 'rules', who: 'admin', address: at('/devices?tab=rules') },
  { name: 'queue', who: 'coordinator', address: at('/devices?tab=queue') },
  { name: 'undelivered', who: 'coordinator', address: at('/devices?tab=undelivered'), catalogueOnly: true },
  { name: 'returns', who: 'admin', address: at('/devices?tab=returns'), catalogueOnly: true },
  { name: 'corrections', who: 'archivist', address: at('/corrections') },
  { name: 'corrections-study', who: 'archivist', address: ({ study }) => `/corrections/${study.uid}` },
  { name: 'patients', who: 'archivist', address: at('/patients') },
  { name: 'patients-queue', who: 'city-archivist', address: at('/patients?tab=queue') },
  { name: 'patients-decisions', who: 'city-archivist', address: at('/patients?tab=decisions') },
  { name: 'emergency', who: 'reader', address: at('/emergency') },
  { name: 'emergency-review', who: 'security', address: at('/emergency') },
  { name: 'security', who: 'security', address: at('/security') },
  { name: 'organisations', who: 'admin', address: at('/admin?tab=organisations') },
  { name: 'people', who: 'admin', address: at('/admin?tab=people') },
  { name: 'agreements', who: 'admin', address: at('/admin?tab=agreements') },
  { name: 'tokens', who: 'security', address: at('/admin?tab=tokens') },
  { name: 'store', who: 'admin', address: at('/admin?tab=store') },
  { name: 'audit', who: 'auditor', address: at('/audit') },
  { name: 'account', who: 'township', address: at('/account') },
  { name: 'second-factor', who: 'township', address: at('/account'), then: bindPhone },
  { name: 'passkey', who: 'township', address: at('/account'), then: showPart('passkeys.title') },
  { name: 'upload-whose', who: 'uploader', address: at('/uploads'), given: sendsNothing, then: chooseSlide },
];

const reading = ({ ids }: Stage) => `/cases/${ids.reading}`;
const refused = { bytes: 7 << 20, offset: 7 << 20, fingerprint: '', percent: 100, slide_id: null, study_instance_uid: null, outcome: null, created_at: '2026-11-28T01:30:00Z' };
const uploads = [
  { ...refused, id: 'a', name: 'B2026-0409 A2 HE.svs', state: 'receiving', offset: 3 << 20, percent: 42, refusal: null },
  { ...refused, id: 'b', name: 'B2026-0410 A1 HE.ndpi', state: 'importing', percent: 64, refusal: null },
  { ...refused, id: 'c', name: 'B2026-0411 A1 HE.svs', state: 'refused', refusal: { why: 'damaged', detail: 'TIFF: 第 3 个目录超出文件 / directory 3 lies beyond the end of the file' } },
  { ...refused, id: 'd', name: 'B2026-0412 A1 HE.svs', state: 'ready', outcome: 'contradicted', slide_id: 's', refusal: null },
];
const unidentified = {
  slide_id: 's',
  study_instance_uid: '1.2.3',
  source: 'B2026-0412 A1 HE.svs',
  standing: 'doubtful',
  of: { patient_name: '张三', patient_id: '20260412' },
  doubts: [{ field: 'patient_name', said: [['person', '张三'], ['barcode', '李四']] }],
  barcodes: ['B2026-0412;A1;HE'],
  imported_at: '2026-11-28T01:30:00Z',
};
const me = /\/api\/v1\/session$/;

/** What is seldom seen: nothing there yet, something broken, somebody else there meanwhile. */
export const troubles: readonly Place[] = [
  { name: 'login-refused', who: null, address: at('/'), given: refuses(me, 'POST', 401, 'unauthenticated'), then: inTurn(logIn('township', 'wrong'), until((page) => page.locator('[data-error]'))) },
  { name: 'login-code', who: null, address: at('/'), given: refuses(me, 'POST', 401, 'code-needed'), then: inTurn(logIn('township', 'right'), until((page) => page.locator('[name=code]'))) },
  { name: 'must-enrol', who: 'reader', address: at('/'), given: amends<object>(me, (person) => ({ ...person, must_enrol_second_factor: true })) },
  {
    name: 'join',
    who: null,
    address: at('/join#invited'),
    given: answers('**/invitations/look', { login: 'zhaomin', name: '赵敏', organisation: '清河镇卫生院', expires_at: '2026-12-01T08:00:00Z' }, 'POST'),
  },
  { name: 'worklist-new', who: 'township', address: at('/'), given: amends<{ counts: object }>(/\/consults\?/, ({ counts }) => ({ consults: [], counts: zeros(counts), more: false, next: null })), catalogueOnly: true },
  { name: 'studies-empty', who: 'township', address: at('/studies'), given: answers(/\/studies\?/, { studies: [], more: false, looked_at: null }), catalogueOnly: true },
  { name: 'slides-empty', who: 'pathologist', address: at('/slides'), given: answers('**/api/v1/slides', { slides: [] }), catalogueOnly: true },
  { name: 'no-line', who: 'township', address: at('/'), given: alone, then: inTurn(cutLine, press('2'), until((page) => page.getByRole('alert'))) },
  { name: 'other-organisation', who: 'township', address: at('/studies'), given: refuses(/\/studies\?/, 'GET', 409, 'other-organisation-now'), then: until((page) => page.getByRole('dialog')) },
  { name: 'proof', who: 'township', address: at('/account'), given: refuses('**/session/second-factor', 'POST', 403, 'proof-needed'), then: choose('factor.begin') },
  { name: 'images-failed', who: 'township', address: at('/studies'), given: refuses('**/api/v1/uploads', 'POST', 422, 'invalid'), then: sendImages },
  {
    name: 'uploads-failed',
    who: 'uploader',
    address: at('/uploads'),
    given: given(refuses('**/uploads/resumable', 'POST', 413, 'too-large'), answers('**/uploads/resumable', { uploads }), answers('**/unidentified-slides', { slides: [unidentified] })),
    then: inTurn(chooseSlide, until((page) => page.locator('[data-failed] [role=form], [data-failed] form'))),
  },
  { name: 'case-not-found', who: 'township', address: at('/cases/none'), catalogueOnly: true },
  { name: 'access-lost', who: 'reader', address: ({ ids }) => `/cases/${ids.draft}`, given: keeps('reader', 'draft') },
  { name: 'case-lost', who: 'reader', address: ({ ids }) => `/cases/${ids.pathology}`, given: keeps('reader', 'pathology'), screenOnly: true },
  { name: 'right-lost', who: 'reader', address: reading, given: alone, then: inTurn(endRight, writeFindings, until((page) => page.getByTestId('lost-case'))), screenOnly: true, catalogueOnly: true },
  { name: 'two-windows', who: 'reader', address: reading, given: keeps('reader', 'reading'), screenOnly: true },
  { name: 'session-lapsed', who: 'reader', address: reading, given: alone, then: inTurn(endSession, writeFindings, until((page) => page.getByRole('dialog'))), screenOnly: true, catalogueOnly: true },
  {
    name: 'image-broken',
    who: 'reader',
    address: ({ study }) => `/studies/${study.org}/${study.uid}`,
    given: (page) => page.route(/\/frames\/1$/, (route) => route.fulfill({ contentType: 'image/jls', body: Buffer.alloc(999) })),
    then: until((page) => page.getByRole('alert')),
    screenOnly: true,
    catalogueOnly: true,
  },
  {
    name: 'template-editor',
    who: 'coordinator',
    address: at('/templates?id=ct-chest'),
    given: async (page, stage) => {
      const draft = await (await page.request.get('/api/v1/templates/ct-chest/editions/1')).json();
      await amends<object>(/\/templates\/ct-chest$/, (opened) => ({ ...opened, origin: 'organisation', draft }))(page);
    },
  },
  {
    name: 'deidentify-project',
    who: 'archivist',
    address: at('/deidentify'),
    given: answers('**/deidentification/projects', {
      projects: [{ id: 'p', name: '胸部影像教学', options: ['retain_patient_characteristics', 'retain_modified_dates'], made_by: '', made_by_name: '林静', made_at: '2026-11-01T01:00:00Z', is_closed: false }],
    }),
  },
];

const review = ({ ids }: Stage) => `/cases/${ids.review}`;
const openMessages = chooseUnread('message.open', 'message.openUnread');
const openBell = chooseUnread('notice.title', 'notice.unread');
const openSettings = inTurn(openBell, choose('notice.settings'));

/** What opens over a page: dialogs, menus, panes. Those of one address follow each other, so that it is loaded once. */
export const dialogs: readonly Place[] = [
  { name: 'keys', who: 'reader', address: at('/'), then: press('?'), screenOnly: true },
  { name: 'filters', who: 'reader', address: at('/'), then: choose('worklist.view.open') },
  { name: 'bell', who: 'reader', address: at('/'), then: openBell },
  { name: 'sign', who: 'reader', address: reading, then: choose('consult.action.sign'), screenOnly: true },
  { name: 'hand-over', who: 'reader', address: reading, then: choose('consult.action.assign'), screenOnly: true },
  { name: 'request-data', who: 'reader', address: reading, then: choose('consult.action.request_data'), screenOnly: true },
  { name: 'decline', who: 'reader', address: reading, then: choose('consult.action.more', 'consult.action.decline'), screenOnly: true },
  { name: 'critical-raise', who: 'reader', address: reading, then: choose('critical.name'), screenOnly: true },
  { name: 'messages-reader', who: 'reader', address: reading, then: openMessages, screenOnly: true },
  { name: 'case-menu', who: 'reader', address: reading, then: choose('consult.action.more'), screenOnly: true },
  { name: 'ask-opinion', who: 'reader', address: reading, then: choose('consult.action.ask_opinion'), screenOnly: true },
  { name: 'critical-withdraw', who: 'reader', address: reading, then: choose('critical.withdraw'), screenOnly: true },
  { name: 'measure-menu', who: 'reader', address: reading, then: (page) => page.getByRole('toolbar').getByRole('button', { name: '▾' }).first().click(), screenOnly: true },
  { name: 'amend', who: 'reader', address: ({ ids }) => `/cases/${ids.final}`, then: choose('consult.action.amend'), screenOnly: true },
  { name: 'review-sign', who: 'reviewer', address: review, then: choose('consult.action.review') },
  { name: 'return', who: 'reviewer', address: review, then: choose('consult.action.return') },
  { name: 'take-over', who: 'reader2', address: review, then: choose('consult.action.take_over') },
  { name: 'grade', who: 'reader2', address: ({ ids }) => `/cases/${ids.final}`, then: choose('consult.action.more', 'consult.action.grade'), screenOnly: true },
  { name: 'slide-picture', who: 'pathologist', address: ({ ids }) => `/slides/${ids.slide}`, then: choose('slide.picture.title') },
  { name: 'slide-controls', who: 'pathologist', address: ({ ids }) => `/slides/${ids.slide}`, then: choose('slide.controls.title'), screenOnly: true },
  { name: 'slide-grade', who: 'pathologist', address: ({ ids }) => `/slides/${ids.slide}`, then: choose('grade.chip.A') },
  { name: 'messages', who: 'township', address: reading, then: openMessages },
  { name: 'critical-acknowledge', who: 'township', address: at('/'), then: choose('critical.acknowledge') },
  { name: 'cancel', who: 'township', address: ({ ids }) => `/cases/${ids.pool}`, then: choose('consult.action.cancel') },
  { name: 'ask-back', who: 'township', address: ({ ids }) => `/cases/${ids.final}`, then: choose('consult.action.ask_back') },
  { name: 'second-opinion', who: 'township', address: ({ ids }) => `/cases/${ids.final}`, then: choose('consult.action.second_opinion') },
  { name: 'order', who: 'uploader', address: at('/orders'), then: choose('orders.add') },
  { name: 'project', who: 'archivist', address: at('/deidentify'), then: choose('deidentify.newProject') },
  { name: 'correct-identity', who: 'archivist', address: ({ study }) => `/corrections/${study.uid}`, then: choose('corrections.action.identity') },
  { name: 'correct-merge', who: 'archivist', address: ({ study }) => `/corrections/${study.uid}`, then: choose('corrections.action.merge') },
  { name: 'delete-study', who: 'archivist', address: ({ study }) => `/corrections/${study.uid}`, then: choose('corrections.action.deleteStudy') },
  { name: 'template-new', who: 'coordinator', address: at('/templates'), then: choose('templates.new') },
  { name: 'phrases', who: 'coordinator', address: at('/templates'), then: choose('phrases.organisation') },
  { name: 'token', who: 'security', address: at('/admin?tab=tokens'), then: choose('tokens.add') },
  { name: 'assign', who: 'coordinator', address: ({ ids }) => `/cases/${ids.pool}`, then: choose('consult.action.assignFirst') },
  { name: 'assignment-rule', who: 'coordinator', address: at('/assignment?tab=rules'), then: choose('assignment.add') },
  { name: 'shifts', who: 'coordinator', address: at('/assignment'), then: choose('desk.planOf') },
  { name: 'notice-settings', who: 'coordinator', address: at('/assignment'), then: openSettings },
  { name: 'critical-rules', who: 'coordinator', address: at('/assignment'), then: inTurn(openSettings, choose('critical.rulesTitle')) },
  { name: 'person-menu', who: 'coordinator', address: at('/assignment'), then: choose('person.menu') },
  { name: 'person', who: 'admin', address: at('/admin?tab=people'), then: choose('people.add') },
  { name: 'person-acts', who: 'admin', address: at('/admin?tab=people'), then: choose('people.menuOf') },
  { name: 'person-invite', who: 'admin', address: at('/admin?tab=people'), then: choose('people.menuOf', 'people.act.invite') },
  { name: 'organisation', who: 'admin', address: at('/admin?tab=organisations'), then: choose('organisations.add') },
  { name: 'return-route', who: 'admin', address: at('/devices?tab=returns'), then: choose('route.add') },
  { name: 'agreement', who: 'admin', address: at('/admin?tab=agreements'), then: choose('agreements.add') },
  { name: 'device-rule', who: 'admin', address: at('/devices?tab=rules'), then: choose('rules.add') },
];
