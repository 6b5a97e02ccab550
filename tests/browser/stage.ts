/** A stage for looking at pages: cases in every state, made through the interface that others can use. */
import { request, type APIRequestContext } from '@playwright/test';
import { account, demo, DemoNode } from './node.ts';
import { expect, test } from './people.ts';

export interface Stage {
  /** Cookies of everybody who has logged in. */
  sessions: ReadonlyMap<string, StorageState>;
  ids: Readonly<Record<CaseName | 'slide', string>>;
  /** Owner and UID of the study that the cases are about. */
  study: StudyOf;
  /** The signed report, as PDF. */
  report: Buffer;
  /** Somebody who was given roles for it, with those that they had. */
  lent: Roles;
}

interface Roles {
  id: string;
  roles: string[];
}

type StorageState = Awaited<ReturnType<APIRequestContext['storageState']>>;
export type CaseName = 'draft' | 'pool' | 'reading' | 'waiting' | 'review' | 'final' | 'pathology';
export interface StudyOf {
  org: string;
  uid: string;
}

export interface Study {
  study_instance_uid: string;
  organisation: { id: string };
  modalities: string[];
  instance_count: number;
  slide_ids: string[];
}

export interface Case {
  id: string;
  version: number;
  state: string;
}

const people = ['township', 'uploader', 'archivist', 'city-archivist', 'reader', 'reader2', 'pathologist', 'reviewer', 'coordinator', 'admin', 'security', 'auditor'];

async function logIn(login: string, password = account(login).password): Promise<APIRequestContext> {
  const context = await request.newContext({ baseURL: demo().base_url, extraHTTPHeaders: { 'X-Farsight': '1' } });
  const answer = await context.post('/api/v1/session', { data: { login, password } });
  if (!answer.ok()) throw new Error(`${login} cannot log in: ${await answer.text()}`);
  return context;
}

async function answerOf<T>(answer: { ok(): boolean; json(): Promise<unknown>; text(): Promise<string>; url(): string }): Promise<T> {
  if (!answer.ok()) throw new Error(`${answer.url()}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** People by login, as their programs would speak for them. */
export class Cast {
  private readonly contexts = new Map<string, APIRequestContext>();

  async as(login: string): Promise<APIRequestContext> {
    const known = this.contexts.get(login);
    if (known !== undefined) return known;
    const context = await logIn(login);
    this.contexts.set(login, context);
    return context;
  }

  async get<T>(login: string, path: string): Promise<T> {
    return answerOf<T>(await (await this.as(login)).get(`/api/v1${path}`));
  }

  async post<T>(login: string, path: string, data: unknown = {}): Promise<T> {
    return answerOf<T>(await (await this.as(login)).post(`/api/v1${path}`, { data }));
  }

  async put<T>(login: string, path: string, data: unknown): Promise<T> {
    return answerOf<T>(await (await this.as(login)).put(`/api/v1${path}`, { data }));
  }

  /** A step of a case over whatever version it has. */
  async step(login: string, id: string, name: string, more: object = {}): Promise<Case> {
    const { version } = await this.get<Case>(login, `/consults/${id}`);
    return this.post<Case>(login, `/consults/${id}/${name}`, { version, ...more });
  }

  async report(login: string, id: string, words: { findings: string; diagnosis: string; recommendation: string }): Promise<void> {
    const { version } = await this.get<Case>(login, `/consults/${id}`);
    const report = { ...words, template: null, displayed: [], key_images: [] };
    await this.put(login, `/consults/${id}/report`, { version, report });
  }

  async sign(login: string, id: string): Promise<void> {
    const { version } = await this.get<Case>(login, `/consults/${id}`);
    const { canonical_sha256 } = await this.get<{ canonical_sha256: string }>(login, `/consults/${id}/report/preview`);
    await this.post(login, `/consults/${id}/sign`, { version, canonical_sha256, passphrase: account(login).signing_passphrase });
  }

  async sessions(): Promise<Map<string, StorageState>> {
    const all = new Map<string, StorageState>();
    for (const login of people) all.set(login, await (await this.as(login)).storageState());
    return all;
  }

  async end(): Promise<void> {
    for (const context of this.contexts.values()) await context.dispose();
  }
}

/** A node of a file's own, with its people: the one that everything in the file talks to, until its tests are over. */
export function ownNode(name: string, start = (node: DemoNode): Promise<void> => node.start()): { node: DemoNode; cast: Cast } {
  const node = new DemoNode(name);
  const cast = new Cast();
  let shared: string | undefined;
  test.beforeAll(async () => {
    test.setTimeout(600_000);
    shared = process.env['FARSIGHT_DEMO'];
    await start(node);
    process.env['FARSIGHT_DEMO'] = node.manifest;
  });
  test.afterAll(async () => {
    // Also after a beginning that failed halfway.
    if (shared === undefined) delete process.env['FARSIGHT_DEMO'];
    else process.env['FARSIGHT_DEMO'] = shared;
    try {
      await cast.end();
    } finally {
      await node.end();
    }
  });
  return { node, cast };
}

/** Asks under an agreement that wants so many signatures, which hold for what is sent under them; the demonstration's own are there again afterwards. */
export async function askUnder(cast: Cast, signatures: 'single' | 'double', question: string): Promise<Case> {
  const { agreements } = await cast.get<{ agreements: { id: string; signatures: string }[] }>('admin', '/admin/agreements');
  const agreed = agreements.find(({ id }) => id === 'demo');
  if (agreed === undefined) throw new Error('the demonstration has no agreement');
  const { id } = await ask(cast, await chestOf(cast), 'urgent', question);
  await cast.put('admin', '/admin/agreements/demo', { ...agreed, signatures });
  try {
    return await cast.step('township', id, 'submit');
  } finally {
    await cast.put('admin', '/admin/agreements/demo', agreed);
  }
}

const questionText = '右上肺磨玻璃结节，需要穿刺吗？';

export async function ask(cast: Cast, study: Study, urgency: string, question: string, more: object = {}): Promise<Case> {
  return cast.post<Case>('township', '/consults', {
    reading_organisation: 'city-centre',
    kind: 'diagnosis',
    urgency,
    study: { org: study.organisation.id, study_instance_uid: study.study_instance_uid },
    priors: [],
    slide_id: null,
    question,
    history: '咳嗽两周，无发热。吸烟 30 年。',
    consent: true,
    ...more,
  });
}

/** What somebody sees of the samples, by what it is. */
async function sampleOf(cast: Cast, login: string, is: (study: Study) => boolean): Promise<Study> {
  const { studies } = await cast.get<{ studies: Study[] }>(login, '/studies?limit=100');
  const found = studies.find(is);
  if (found === undefined) throw new Error('the samples are not there');
  return found;
}

/** 张三's CT of the chest. */
export const chestOf = (cast: Cast) => sampleOf(cast, 'township', ({ modalities, instance_count }) => modalities.includes('CT') && instance_count === 120);

/** His older one. */
const priorOf = (cast: Cast) => sampleOf(cast, 'township', ({ modalities, instance_count }) => modalities.includes('CT') && instance_count === 60);

const tissueOf = (cast: Cast) => sampleOf(cast, 'township', ({ slide_ids }) => slide_ids.length > 0);

/** A teaching collection with a CT and a slide in it; the cookies of a learner there. */
export async function openLibrary(cast: Cast): Promise<StorageState> {
  const [id, password] = [`library-${Date.now()}`, 'quiet heron 31'];
  await cast.post('admin', '/admin/organisations', { id, name: '影像教学库', kind: 'collection' });
  const nobody = { title: '', credential: null, memberships: [], subspecialties: [] };
  const learner = await cast.post<{ id: string; login: string }>('admin', '/admin/people', { ...nobody, organisation: id, login: id, name: '许学员', roles: ['learner'] });
  const { link } = await cast.post<{ link: string }>('admin', `/admin/people/${learner.id}/invitation`);
  await (await cast.as('admin')).post('/api/v1/invitations/take', { data: { secret: new URL(link).hash.slice(1), password } });

  const project = await cast.post<{ id: string }>('archivist', '/deidentification/projects', { name: '胸部影像教学', options: ['retain_patient_characteristics'] });
  const studies = [await priorOf(cast), await tissueOf(cast)].map(({ study_instance_uid: uid }) => uid);
  await cast.post('archivist', `/deidentification/projects/${project.id}/placements`, { collection: id, studies, with_risky: false, purpose: 'teaching', reason: '第三章' });
  const isThere = async () => {
    const { placements } = await cast.get<{ placements: { state: string }[] }>('archivist', `/deidentification/placements?collection=${id}&limit=10`);
    return placements.length === studies.length && placements.every(({ state }) => state === 'there');
  };
  await expect.poll(isThere, { timeout: 120_000, message: 'both are in the collection' }).toBe(true);

  const context = await logIn(learner.login, password);
  try {
    return await context.storageState();
  } finally {
    await context.dispose();
  }
}

/** Gives somebody of the centre roles more, and returns those that they had, for `setRoles` at the end. */
export async function lend(cast: Cast, login: string, ...roles: string[]): Promise<Roles> {
  const { people: all } = await cast.get<{ people: (Roles & { login: string })[] }>('admin', '/admin/people?organisation=city-centre');
  const found = all.find((one) => one.login === login);
  if (found === undefined) throw new Error(`the centre has no ${login}`);
  await setRoles(cast, { ...found, roles: [...new Set([...found.roles, ...roles])] });
  return found;
}

export const setRoles = (cast: Cast, { id, roles }: Roles) => cast.put('admin', `/admin/people/${id}/roles`, { roles });

export async function setStage(cast: Cast): Promise<Stage> {
  const [chest, prior, tissue] = [await chestOf(cast), await priorOf(cast), await tissueOf(cast)];
  const [slide] = tissue.slide_ids;
  if (slide === undefined) throw new Error('the study has no slide');

  const draft = await ask(cast, chest, 'routine', '复查，与去年比较有无变化？');
  const pool = await ask(cast, chest, 'urgent', questionText);
  await cast.step('township', pool.id, 'submit');

  const reading = await ask(cast, chest, 'emergency', '突发胸痛，排除肺栓塞。');
  await cast.step('township', reading.id, 'submit');
  await cast.step('reader', reading.id, 'claim');
  await cast.report('reader', reading.id, { findings: '右肺上叶见一结节，边界清楚，大小约 8 mm × 7 mm。', diagnosis: '疑似主动脉夹层；右肺上叶结节。', recommendation: '请立即行主动脉 CTA。' });
  await cast.post('reader', `/consults/${reading.id}/critical`, { finding: '疑似主动脉夹层', found_at: new Date().toISOString() });

  await cast.post('township', `/consults/${reading.id}/messages`, { text: '患者血压 180/110 mmHg，左上肢较右上肢低 30 mmHg。' });
  await cast.post('reader', `/consults/${reading.id}/messages`, { text: '请立即联系转院，途中控制血压和心率。' });

  const waiting = await ask(cast, chest, 'routine', '肺结节随访');
  await cast.step('township', waiting.id, 'submit');
  await cast.step('reader', waiting.id, 'claim');
  await cast.step('reader', waiting.id, 'request-data', { reason: '请补传 2025 年旧片' });

  // Who may read and review can take a report over; who oversees sees the numbers of all.
  const lent = await lend(cast, 'reader2', 'reviewer', 'quality_control');
  const review = await askUnder(cast, 'double', '肺结节较前增大？');
  await cast.step('reader', review.id, 'claim');
  await cast.report('reader', review.id, {
    findings: '右肺上叶见一实性结节，较 2025 年增大，大小约 9 mm × 8 mm，可见浅分叶。',
    diagnosis: '右肺上叶实性结节，较前增大，不除外恶性。',
    recommendation: '建议 PET-CT 或穿刺活检。',
  });
  await cast.sign('reader', review.id);

  const final = await ask(cast, chest, 'routine', '体检发现肺结节，请会诊。', { priors: [prior.study_instance_uid] });
  await cast.step('township', final.id, 'submit');
  await cast.step('reader', final.id, 'claim');
  await cast.report('reader', final.id, {
    findings: '右肺上叶见一实性结节，边界清楚，大小约 8 mm × 7 mm。余肺野清晰。',
    diagnosis: '右肺上叶实性结节，考虑良性可能大。',
    recommendation: '3 个月后复查胸部 CT。',
  });
  await cast.sign('reader', final.id);

  const report = await (await cast.as('township')).get(`/api/v1/consults/${final.id}/report.pdf`);
  if (!report.ok()) throw new Error(await report.text());

  const pathology = await ask(cast, tissue, 'frozen', '切缘是否干净？', { slide_id: slide });
  await cast.step('township', pathology.id, 'submit');
  await cast.step('pathologist', pathology.id, 'claim');

  return {
    sessions: await cast.sessions(),
    ids: { draft: draft.id, pool: pool.id, reading: reading.id, waiting: waiting.id, review: review.id, final: final.id, pathology: pathology.id, slide },
    study: { org: chest.organisation.id, uid: chest.study_instance_uid },
    report: await report.body(),
    lent,
  };
}

/** Takes from everybody's screens what other tests would stumble over: an alarm that stands, a case that waits for somebody. */
export async function clearStage(cast: Cast, { ids, lent }: Stage): Promise<void> {
  await cast.post('township', `/consults/${ids.reading}/critical/1/acknowledge`, { read_back: '疑似主动脉夹层，立即通知家属并转院。' });
  for (const id of [ids.pool, ids.review]) await cast.step('township', id, 'cancel', { reason: '演示结束' });
  await setRoles(cast, lent);
}
