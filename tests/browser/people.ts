/** People at their browsers. Whatever a page complains of, or asks of another host, fails the test. */
import { test as base, expect, type APIRequestContext, type BrowserContext, type Locator, type Page, type ViewportSize } from '@playwright/test';
import { account, demo, screenshots } from './node.ts';

export { expect };

export const phone: ViewportSize = { width: 390, height: 844 };

/** Answers that are meant: nobody is logged in yet; the label is not for every eye; a wrong passphrase. */
const expectedAnswers: readonly [status: number, path: RegExp][] = [
  [401, /^\/api\/v1\/session$/],
  [403, /^\/api\/v1\/consults\/[^/]+\/sign$/],
  [404, /^\/api\/v1\/slides\/[^/]+\/associated\/label$/],
  [404, /^\/api\/v1\/slides\/[^/]+\/icc$/],
  // Nobody listens there; a file that holds no orders; a study that is hidden or deleted.
  [502, /^\/api\/v1\/remotes\/CITYARCH\/echo$/],
  [422, /^\/api\/v1\/orders\/import$/],
  [404, /^\/api\/v1\/studies\/[^/]+\/[\d.]+$/],
];

/** What OHIF says on the console of what it does not know: dcmjs reads OV (an offset table) as UN, which nobody looks at. */
const expectedWords: readonly RegExp[] = [/^Invalid vr type OV - using UN/];

class Complaints {
  readonly all: string[] = [];
  /** What a test brings about itself, such as a line that it cuts. */
  readonly tolerated: RegExp[] = [];

  watch(context: BrowserContext): void {
    const { host } = new URL(demo().base_url);
    context.on('console', (message) => {
      const meant = [...expectedWords, ...this.tolerated];
      if (message.type() !== 'error' || meant.some((words) => words.test(message.text()))) return;
      const path = URL.canParse(message.location().url) ? new URL(message.location().url).pathname : '';
      const status = Number(/status of (\d{3})/.exec(message.text())?.[1]);
      if (expectedAnswers.some(([code, at]) => code === status && at.test(path))) return;
      this.all.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (error) => this.all.push(`page: ${error.error().stack ?? error.error().message}`));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && url.host !== host) this.all.push(`asks ${url.href}`);
    });
    context.on('response', (response) => {
      const isExpected = expectedAnswers.some(([code, at]) => code === response.status() && at.test(new URL(response.url()).pathname));
      if (response.status() >= 500 && !isExpected) this.all.push(`${response.status()} for ${response.url()}`);
    });
  }
}

interface Fixtures {
  complaints: Complaints;
  /** From here on, words on the console that the test has meant. */
  tolerate: (words: RegExp) => void;
  /** A browser of one's own, with nobody logged in. */
  visitor: (viewport?: ViewportSize) => Promise<Page>;
  /** A browser of one's own, logged in through the login page. */
  person: (login: string, viewport?: ViewportSize) => Promise<Page>;
}

export const test = base.extend<Fixtures>({
  complaints: async ({}, use) => use(new Complaints()),
  tolerate: async ({ complaints }, use) => use((words) => complaints.tolerated.push(words)),
  visitor: async ({ browser, complaints }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (viewport) => {
      const context = await browser.newContext({
        baseURL: demo().base_url,
        acceptDownloads: true,
        ...(viewport === undefined ? {} : { viewport, hasTouch: true, isMobile: true }),
      });
      contexts.push(context);
      complaints.watch(context);
      return context.newPage();
    });
    for (const context of contexts) await context.close();
    expect(complaints.all, 'no errors on the console, nothing from other hosts').toEqual([]);
  },
  person: async ({ visitor }, use) => {
    await use(async (login, viewport) => {
      const page = await visitor(viewport);
      await page.goto('/');
      await page.getByLabel('登录名').fill(login);
      await page.getByLabel('密码', { exact: true }).fill(account(login).password);
      await page.getByRole('button', { name: '登录', exact: true }).click();
      await expect(page.getByRole('navigation', { name: '导航' })).toBeVisible();
      return page;
    });
  },
});

/** Keeps what the page looks like, for people to look at. */
export async function shot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${screenshots}/${name}.png` });
}

/** Milliseconds of a measure on the page's own timeline, printed. */
export async function measured(page: Page, name: string, what: string): Promise<number> {
  const ms = await page.evaluate((measure) => performance.getEntriesByName(measure, 'measure').at(-1)?.duration, name);
  if (ms === undefined) throw new Error(`the page has no measure ${name}`);
  console.log(`${what}: ${Math.round(ms)} ms (${name})`);
  return ms;
}

/** Nothing sticks out to the right. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth] as const);
  expect(wide, 'the page is no wider than the screen').toBeLessThanOrEqual(room);
}

/** What is seen of it now, whether or not it has come to rest. */
export async function pictureOf(page: Page, where: Locator): Promise<Buffer> {
  const clip = await where.boundingBox();
  if (clip === null) throw new Error('it has no place on the page');
  return page.screenshot({ clip, timeout: 60_000 });
}

/** Something is drawn there: more than one colour, and not black. */
export async function expectPicture(page: Page, where: Locator): Promise<void> {
  await expect
    .poll(
      async () => {
        const png = (await pictureOf(page, where)).toString('base64');
        return page.evaluate(async (data) => {
          const picture = new Image();
          picture.src = `data:image/png;base64,${data}`;
          await picture.decode();
          const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
          const pen = canvas.getContext('2d');
          if (pen === null) return 0;
          pen.drawImage(picture, 0, 0);
          const { data: rgba } = pen.getImageData(0, 0, canvas.width, canvas.height);
          const greys = new Set<number>();
          for (let at = 0; at < rgba.length; at += 4) greys.add(rgba[at] ?? 0);
          return greys.size;
        }, png);
      },
      { message: 'a picture is drawn', timeout: 60_000 },
    )
    .toBeGreaterThan(40);
}

/** What a page's own session says through the interface for programs; `path` from the root. */
export async function json<T>(api: APIRequestContext, method: 'get' | 'post' | 'put', path: string, data?: unknown): Promise<T> {
  const answer = await api[method](path, { headers: { 'X-Farsight': '1' }, ...(data === undefined ? {} : { data }) });
  expect(answer.ok(), `${method} ${path}: ${answer.status()} ${answer.ok() ? '' : await answer.text()}`).toBe(true);
  return (await answer.json()) as T;
}
