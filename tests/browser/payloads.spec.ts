/** Script where people write words: it is shown as what was written, wherever it is shown, and nothing of it runs. */
import type { Page } from '@playwright/test';
import { account, demo } from './node.ts';
import { expect, json, test } from './people.ts';

test.describe.configure({ mode: 'serial', timeout: 300_000 });

/** Each would call `ran()`, or make an element of the name `x-ran`, in a page that takes text for markup, script, style or address. */
const payloads: readonly string[] = [
  '<script>ran(1)</script>',
  '<SCRIPT>ran(2)</SCRIPT>',
  '<script/x>ran(3)</script>',
  '</script><script>ran(4)</script>',
  '</title><script>ran(5)</script>',
  '</textarea><script>ran(6)</script>',
  '</style><script>ran(7)</script>',
  '--><script>ran(8)</script>',
  ']]><script>ran(9)</script>',
  '<scr<script>ipt>ran(10)</script>',
  '<script src=/ran11.js></script>',
  '<script type=module>ran(12)</script>',
  '<img src=/ran13 onerror=ran(13)>',
  '<img src=/ran14 onerror="ran(14)">',
  '"><img src=/ran15 onerror=ran(15)>',
  "'><img src=/ran16 onerror=ran(16)>",
  '<img/src=/ran17/onerror=ran(17)>',
  '<image href=/ran18 onerror=ran(18)>',
  '<svg onload=ran(19)>',
  '<svg/onload=ran(20)>',
  '<svg><script>ran(21)</script></svg>',
  '<svg><animate onbegin=ran(22) attributeName=x>',
  '<math><mtext><img src=/ran23 onerror=ran(23)>',
  '<body onload=ran(24)>',
  '<body/onpageshow=ran(25)>',
  '<iframe srcdoc="<script>parent.ran(26)</script>">',
  '<iframe src=javascript:parent.ran(27)>',
  '<object data=/ran28>',
  '<embed src=/ran29>',
  '<link rel=stylesheet href=/ran30.css>',
  '<style>@import "/ran31.css";</style>',
  '<base href=/ran32/>',
  '<meta http-equiv=refresh content="0;url=/ran33">',
  '<input autofocus onfocus=ran(34)>',
  '<select autofocus onfocus=ran(35)>',
  '<details open ontoggle=ran(36)>',
  '<video src=/ran37 onerror=ran(37)>',
  '<audio src=/ran38 onerror=ran(38)>',
  '<marquee onstart=ran(39)>',
  '<a href=javascript:ran(40) id=x-ran>',
  '<form action=javascript:ran(41)><button>',
  '<x-ran style=animation-name:x onanimationstart=ran(42)>',
  'javascript:ran(43)',
  'data:text/html,<script>ran(44)</script>',
  '" autofocus onfocus="ran(45)',
  "' onmouseover='ran(46)",
  '{{constructor.constructor("ran(47)")()}}',
  '${ran(48)}',
  '&lt;script&gt;ran(49)&lt;/script&gt;',
  '＜script＞ran(50)＜/script＞',
];

const own = { 'X-Farsight': '1' };

type Visitor = () => Promise<Page>;

/** A browser with a session, in which whatever runs says so. */
async function enter(visitor: Visitor, login: string): Promise<Page> {
  const page = await visitor();
  await page.addInitScript(() => {
    const ran: unknown[] = [];
    Object.assign(window, { ran: (which: unknown) => ran.push(which), whatRan: () => ran });
  });
  const answer = await page.request.post('/api/v1/session', { data: { login, password: account(login).password } });
  expect(answer.status()).toBe(200);
  return page;
}

/** Nothing ran, nothing became an element, nothing was asked for, and all payloads stand there as they were written. */
async function shownAsWords(page: Page, where: string, wanted: readonly string[] = payloads): Promise<void> {
  await expect
    .poll(() => missing(page, wanted), { message: `${where} shows what was written`, timeout: 30_000 })
    .toEqual([]);
  const state = await page.evaluate(() => ({
    ran: (window as unknown as { whatRan: () => unknown[] }).whatRan(),
    elements: document.querySelectorAll('x-ran, #x-ran, [src*="ran"], [href*="/ran"], [srcdoc], base, marquee, [onerror], [onload], [onfocus]').length,
    asked: performance.getEntriesByType('resource').filter(({ name }) => /\/ran\d/.test(name)).length,
  }));
  expect(state, where).toEqual({ ran: [], elements: 0, asked: 0 });
}

function missing(page: Page, wanted: readonly string[]): Promise<string[]> {
  return page.evaluate((words) => {
    const fields = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input, textarea')].map(({ value }) => value);
    const titles = [...document.querySelectorAll('[title], [aria-label]')].map((one) => `${one.getAttribute('title')} ${one.getAttribute('aria-label')}`);
    const all = [document.body.textContent, ...fields, ...titles].join('\n');
    return words.filter((each) => !all.includes(each));
  }, wanted);
}

const lines = payloads.join('\n');
/** What short fields take of them. */
const some = payloads.slice(10, 35);
const short = some.join('\n');
/** What a person's name may hold: `^`, `=` and `\` have a meaning of their own in DICOM (PS3.5 section 6.2). */
const names = payloads.filter((one) => one.length <= 60 && !/[\\^=]/.test(one));

test('in orders, as names and as procedures', async ({ visitor }) => {
  const page = await enter(visitor, 'uploader');
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '');
  const placed: string[] = [];
  for (const [n, words] of payloads.entries()) {
    const name = names.includes(words) ? words : `P${n}`;
    const { id } = await json<{ id: string }>(page.request, 'post', '/api/v1/orders', {
      patient: { id: `XP${n}`, name },
      accession_number: `XP${n}`,
      procedure: { description: words.slice(0, 64) },
      step: { modality: 'CT', start_date: today, description: words.slice(0, 64) },
    });
    placed.push(id);
  }
  await page.goto('/orders');
  await shownAsWords(page, 'orders', names);
  for (const id of placed) await page.request.delete(`/api/v1/orders/${id}`, { headers: own });
});

test('in names of files that are sent', async ({ visitor, tolerate }) => {
  tolerate(/status of 4\d\d/);
  const page = await enter(visitor, 'uploader');
  await page.goto('/uploads');
  // A browser takes the part after a slash for the name.
  const files = payloads.filter((words) => !words.includes('/')).map((words) => `${words}.svs`);
  expect(files.length).toBeGreaterThan(15);
  const buffer = Buffer.from('no slide');
  await page.locator('input[type="file"]').first().setInputFiles(files.map((name) => ({ name, mimeType: 'application/octet-stream', buffer })));
  await shownAsWords(page, 'uploads', files);
});

test('in a question, a message, an alarm, a report and a study’s own words, on every page that shows them', async ({ visitor }) => {
  const [township, reader, archivist] = [await enter(visitor, 'township'), await enter(visitor, 'reader'), await enter(visitor, 'archivist')];
  interface Study {
    study_instance_uid: string;
    instance_count: number;
    organisation: { id: string };
  }
  const { studies } = await json<{ studies: Study[] }>(township.request, 'get', '/api/v1/studies?q=zs&modality=CT');
  const study = studies.find(({ instance_count }) => instance_count === 60);
  const centre = demo().organisations.find(({ kind }) => kind === 'centre');
  if (study === undefined || centre === undefined) throw new Error('the demo has no older chest CT');

  const [name = '', description = ''] = [names[3], names[12]];
  const reason = { code: 'wrong_identity', text: short };
  const attributes = { '00100010': { vr: 'PN', Value: [{ Alphabetic: name }] }, '00081030': { vr: 'LO', Value: [description] } };
  const correction = { kind: 'identity', study: study.study_instance_uid, attributes };
  const { id: corrected } = await json<{ id: string }>(archivist.request, 'post', '/api/v1/corrections', { correction, reason });
  await archivist.goto(`/corrections/${study.study_instance_uid}`);
  await shownAsWords(archivist, 'the correction’s reason', [...some, name, description]);
  await township.goto('/studies');
  await shownAsWords(township, 'the studies', [name, description]);

  interface Case {
    id: string;
    version: number;
  }
  const draft = await json<Case>(township.request, 'post', '/api/v1/consults', {
    reading_organisation: centre.id,
    kind: 'diagnosis',
    urgency: 'urgent',
    study: { org: study.organisation.id, study_instance_uid: study.study_instance_uid },
    question: lines,
    history: lines,
    consent: true,
  });
  const path = `/api/v1/consults/${draft.id}`;
  const asked = await json<Case>(township.request, 'post', `${path}/submit`, { version: draft.version });
  const claimed = await json<Case>(reader.request, 'post', `${path}/claim`, { version: asked.version });
  const report = { findings: lines, diagnosis: lines, recommendation: lines, template: null, displayed: [], key_images: [] };
  await json(reader.request, 'put', `${path}/report`, { version: claimed.version, report });
  await json(reader.request, 'post', `${path}/critical`, { finding: short, found_at: new Date().toISOString() });
  await json(reader.request, 'post', `${path}/messages`, { text: lines });

  await reader.goto('/?tab=mine');
  await shownAsWords(reader, 'the worklist', [name]);
  await reader.goto(`/cases/${draft.id}`);
  await expect(reader.getByLabel('影像所见')).toHaveValue(lines);
  await shownAsWords(reader, 'the reading page');
  await township.goto('/');
  await shownAsWords(township, 'the alarm over the worklist', some);
  await township.goto(`/cases/${draft.id}`);
  await shownAsWords(township, 'the case');
  await township.getByRole('button', { name: /留言/ }).first().click();
  await shownAsWords(township, 'the message');

  await json(township.request, 'post', `${path}/critical/1/acknowledge`, { read_back: short });
  const { version } = await json<Case>(reader.request, 'get', path);
  await reader.goto(`/cases/${draft.id}`);
  await reader.keyboard.press('Control+Enter');
  await shownAsWords(reader, 'what is about to be signed');
  // Whoever gives a case back no longer sees its images.
  await reader.goto('/');
  await json(reader.request, 'post', `${path}/release`, { version });
  await json(archivist.request, 'post', `/api/v1/corrections/${corrected}/undo`, reason);
  const last = await json<Case>(township.request, 'get', path);
  await json(township.request, 'post', `${path}/cancel`, { version: last.version, reason: short });
  await township.goto(`/cases/${draft.id}`);
  await shownAsWords(township, 'the cancelled case');
});
