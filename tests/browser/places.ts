/** Every page of the application, and what opens over it: who goes there, and when it has come to rest. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import { account } from './node.ts';
import type { Stage } from './stage.ts';

export interface Place {
  name: string;
  /** Whose page it is; nobody's: the login, a report's verification. */
  who: string | null;
  address: (stage: Stage) => string;
  /** What is opened there before it is looked at. */
  then?: (page: Page) => Promise<void>;
  /** Pages of images are for screens (they are looked at there alone). */
  screenOnly?: boolean;
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
function inTurn(...steps: ((page: Page) => Promise<void>)[]): (page: Page) => Promise<void> {
  return async (page) => {
    for (const step of steps) await step(page);
  };
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

function showPart(title: string): (page: Page) => Promise<void> {
  return async (page) => {
    const part = page.getByRole('region', { name: await said(page, title) });
    await part.evaluate((element) => element.scrollIntoView());
  };
}

/** Nothing is sent: what is looked at is the question whose it is. What is on the server already is asked first. */
async function chooseSlide(page: Page): Promise<void> {
  await page.route('**/api/v1/uploads/resumable', (route) => (route.request().method() === 'GET' ? route.fallback() : undefined));
  const slide = { name: 'B2026-0417 A1 HE.svs', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1 << 20, 'II*') };
  await page.locator('input[type="file"]').first().setInputFiles(slide);
  await page.getByRole('form', { name: await said(page, 'transfer.whose') }).waitFor();
}

/** Pages by themselves. */
export const pages: readonly Place[] = [
  { name: 'login', who: null, address: at('/') },
  { name: 'verify', who: null, address: at('/verify') },
  { name: 'join-bad-link', who: null, address: at('/join') },
  { name: 'worklist-township', who: 'township', address: at('/') },
  { name: 'worklist-empty', who: 'township', address: at('/?tab=overdue') },
  { name: 'worklist-answered', who: 'township', address: at('/?tab=answered') },
  { name: 'worklist-reader', who: 'reader', address: at('/?tab=all') },
  { name: 'worklist-preview', who: 'reader', address: at('/?tab=all'), then: press('Space'), screenOnly: true },
  { name: 'worklist-reviewer', who: 'reviewer', address: at('/') },
  { name: 'worklist-coordinator', who: 'coordinator', address: at('/?tab=all') },
  { name: 'studies', who: 'township', address: at('/studies') },
  { name: 'studies-centre', who: 'reader', address: at('/studies') },
  { name: 'study', who: 'reader', address: ({ study }) => `/studies/${study.org}/${study.uid}`, screenOnly: true },
  { name: 'slides', who: 'pathologist', address: at('/slides') },
  { name: 'slide', who: 'pathologist', address: ({ ids }) => `/slides/${ids.slide}` },
  { name: 'ask', who: 'township', address: at('/ask') },
  { name: 'ask-draft', who: 'township', address: ({ ids }) => `/ask?draft=${ids.draft}` },
  { name: 'case-asked', who: 'township', address: ({ ids }) => `/cases/${ids.pool}` },
  { name: 'case-critical', who: 'township', address: ({ ids }) => `/cases/${ids.reading}` },
  { name: 'case-waiting', who: 'township', address: ({ ids }) => `/cases/${ids.waiting}` },
  { name: 'case-answered', who: 'township', address: ({ ids }) => `/cases/${ids.final}` },
  { name: 'report', who: 'township', address: ({ ids }) => `/cases/${ids.final}/report` },
  { name: 'reading', who: 'reader', address: ({ ids }) => `/cases/${ids.reading}`, screenOnly: true },
  { name: 'reading-signed', who: 'reader', address: ({ ids }) => `/cases/${ids.final}`, screenOnly: true },
  { name: 'reading-coordinator', who: 'coordinator', address: ({ ids }) => `/cases/${ids.pool}` },
  { name: 'reading-slide', who: 'pathologist', address: ({ ids }) => `/cases/${ids.pathology}`, screenOnly: true },
  { name: 'uploads', who: 'uploader', address: at('/uploads') },
  { name: 'orders', who: 'uploader', address: at('/orders') },
  { name: 'statistics', who: 'coordinator', address: at('/statistics') },
  { name: 'statistics-charts', who: 'coordinator', address: at('/statistics?view=charts') },
  { name: 'statistics-alliance', who: 'reader2', address: at('/statistics') },
  { name: 'templates', who: 'coordinator', address: at('/templates') },
  { name: 'assignment', who: 'coordinator', address: at('/assignment') },
  { name: 'assignment-rules', who: 'coordinator', address: at('/assignment?tab=rules') },
  { name: 'deidentify', who: 'archivist', address: at('/deidentify') },
  { name: 'devices', who: 'admin', address: at('/devices') },
  { name: 'rules', who: 'admin', address: at('/devices?tab=rules') },
  { name: 'queue', who: 'coordinator', address: at('/devices?tab=queue') },
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
  { name: 'tokens', who: 'admin', address: at('/admin?tab=tokens') },
  { name: 'store', who: 'admin', address: at('/admin?tab=store') },
  { name: 'audit', who: 'auditor', address: at('/audit') },
  { name: 'account', who: 'township', address: at('/account') },
  { name: 'second-factor', who: 'township', address: at('/account'), then: bindPhone },
  { name: 'passkey', who: 'township', address: at('/account'), then: showPart('passkeys.title') },
  { name: 'upload-whose', who: 'uploader', address: at('/uploads'), then: chooseSlide },
];

const reading = ({ ids }: Stage) => `/cases/${ids.reading}`;
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
  { name: 'amend', who: 'reader', address: ({ ids }) => `/cases/${ids.final}`, then: choose('consult.action.amend'), screenOnly: true },
  { name: 'review-sign', who: 'reviewer', address: review, then: choose('consult.action.review') },
  { name: 'return', who: 'reviewer', address: review, then: choose('consult.action.return') },
  { name: 'take-over', who: 'reader2', address: review, then: choose('consult.action.take_over') },
  { name: 'messages', who: 'township', address: reading, then: openMessages },
  { name: 'critical-acknowledge', who: 'township', address: at('/'), then: choose('critical.acknowledge') },
  { name: 'cancel', who: 'township', address: ({ ids }) => `/cases/${ids.pool}`, then: choose('consult.action.cancel') },
  { name: 'ask-back', who: 'township', address: ({ ids }) => `/cases/${ids.final}`, then: choose('consult.action.ask_back') },
  { name: 'assign', who: 'coordinator', address: ({ ids }) => `/cases/${ids.pool}`, then: choose('consult.action.assignFirst') },
  { name: 'assignment-rule', who: 'coordinator', address: at('/assignment?tab=rules'), then: choose('assignment.add') },
  { name: 'shifts', who: 'coordinator', address: at('/assignment'), then: choose('desk.planOf') },
  { name: 'notice-settings', who: 'coordinator', address: at('/assignment'), then: openSettings },
  { name: 'critical-rules', who: 'coordinator', address: at('/assignment'), then: inTurn(openSettings, choose('critical.rulesTitle')) },
  { name: 'person-menu', who: 'coordinator', address: at('/assignment'), then: choose('person.menu') },
  { name: 'person', who: 'admin', address: at('/admin?tab=people'), then: choose('people.add') },
  { name: 'person-acts', who: 'admin', address: at('/admin?tab=people'), then: choose('people.menuOf') },
  { name: 'agreement', who: 'admin', address: at('/admin?tab=agreements'), then: choose('agreements.add') },
  { name: 'device-rule', who: 'admin', address: at('/devices?tab=rules'), then: choose('rules.add') },
];
