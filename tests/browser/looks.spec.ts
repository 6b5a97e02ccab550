/** How every page and dialog looks: nothing that axe-core finds serious; and, when asked for, a picture of each. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page, Request } from '@playwright/test';
import { artefacts, demo } from './node.ts';
import { expect, expectNoSidewaysScroll, phone, test } from './people.ts';
import { dialogs, pages, said, troubles, type Place } from './places.ts';
import { Cast, clearStage, openLibrary, setStage, type Stage } from './stage.ts';

const themes = ['dark', 'light'] as const;
const languages = ['zh', 'en'] as const;
const screen = { width: 1440, height: 900 };
/** What opens over a page. */
const opened = '[role="dialog"], [role="menu"]';
const catalogue = join(artefacts, 'catalogue');
const only = process.env['FARSIGHT_PLACES']?.split(',');
const onlyLooks = process.env['FARSIGHT_LOOKS']?.split(',');

interface Look {
  theme: (typeof themes)[number];
  language: (typeof languages)[number];
  small: boolean;
}

let stage: Stage;
const wanted = (places: readonly Place[]) => places.filter(({ name }) => only === undefined || only.includes(name));
const forPhones = (places: readonly Place[]) => places.filter(({ screenOnly }) => screenOnly !== true);
const checked = (places: readonly Place[]) => wanted(places).filter(({ catalogueOnly }) => catalogueOnly !== true);

test.describe.configure({ timeout: 900_000 });
test.use({ actionTimeout: 60_000, navigationTimeout: 60_000 });

test.beforeAll(async () => {
  test.setTimeout(300_000);
  const cast = new Cast();
  stage = await setStage(cast);
  await cast.end();
});

test.afterAll(async () => {
  const cast = new Cast();
  await clearStage(cast, stage);
  await cast.end();
});

async function open(browser: Browser, { who }: Pick<Place, 'who'>, { theme, language, small }: Look): Promise<Page> {
  // Browsers have no passkeys for bare addresses.
  const named = (address: string) => address.replace('127.0.0.1', 'localhost');
  const state = who === null ? undefined : stage.sessions.get(who);
  const context = await browser.newContext({
    baseURL: named(demo().base_url),
    viewport: small ? phone : screen,
    ...(small ? { hasTouch: true, isMobile: true } : {}),
    ...(state === undefined ? {} : { storageState: { ...state, cookies: state.cookies.map((cookie) => ({ ...cookie, domain: named(cookie.domain) })) } }),
  });
  await context.addInitScript(
    ([scheme, words]) => {
      localStorage.setItem('mantine-color-scheme-value', scheme);
      localStorage.setItem('farsight.language', words);
    },
    [theme, language] as const,
  );
  // The person's own choice would win, whatever another test has left of it.
  const preferences = { theme: null, worklist_columns: [], worklist_filters: [] };
  await context.route('**/api/v1/session/preferences', (route) => route.fulfill({ json: preferences }));
  return context.newPage();
}

/** What a page has asked for and not had yet. */
class OnItsWay {
  private readonly asked = new Set<Request>();
  private last_ms = performance.now();

  constructor(page: Page) {
    const came = (request: Request) => {
      this.asked.delete(request);
      if (!isPixels(request)) this.last_ms = performance.now();
    };
    page.on('request', (request) => this.asked.add(request));
    page.on('requestfinished', came);
    page.on('requestfailed', came);
  }

  /** Nothing any more that a page is made of, for long enough to have asked for what follows from it. */
  async isOver(): Promise<void> {
    const isOver = () => performance.now() - this.last_ms > 250 && ![...this.asked].some((request) => !isPixels(request));
    await expect.poll(isOver, { intervals: [50], timeout: 60_000, message: 'all that was asked for has come' }).toBe(true);
  }
}

/** Those come for as long as there are any, and nothing but pixels depends on them. */
const isPixels = (request: Request) => /\/(frames|tiles|thumbnail|rendered|associated)\b/.test(new URL(request.url()).pathname);

/** Goes to each place, in one browser per person: what they share is loaded once; what is made up for a place stays there. */
async function visit(browser: Browser, where: readonly Place[], look: Look, see: (page: Page, place: Place) => Promise<void>): Promise<void> {
  const shared = where.filter(({ given }) => given === undefined);
  const byPerson = [...new Set(shared.map(({ who }) => who))].map((who) => ({ who, places: shared.filter((place) => place.who === who) }));
  const alone = where.filter(({ given }) => given !== undefined).map((place) => ({ who: place.who, places: [place] }));
  for (const { who, places } of [...byPerson, ...alone]) {
    const page = await open(browser, { who }, look);
    const coming = new OnItsWay(page);
    for (const place of places) {
      await test.step(place.name, async () => {
        await place.given?.(page, stage);
        await goTo(page, place, coming);
        await see(page, place);
      });
    }
    // What the page asks for meanwhile has nobody to answer it.
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.context().close();
  }
}

/** To a place that has come to rest. */
async function goTo(page: Page, place: Place, coming: OnItsWay): Promise<void> {
  const isOpened = dialogs.includes(place);
  if (!(isOpened && (await isThereAgain(page, place)))) {
    await page.goto(place.address(stage));
    await expect(page.locator('#root')).toContainText(/\S/, { useInnerText: true });
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 60_000 });
  }
  // What lies below a dialog may still come.
  if (!isOpened) await coming.isOver();
  if (place.then !== undefined) {
    await place.then(page, stage);
    // What fades in is there.
    await page.waitForFunction(() => document.getAnimations().every((one) => !(one instanceof CSSTransition) || one.playState !== 'running'));
  }
  if (!isOpened) return;
  await expect(page.locator(opened).first()).toBeVisible();
  await expect(page.locator(opened).locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 60_000 });
}

/** Closes what the place before has opened over the same page, where a button does that. */
async function isThereAgain(page: Page, place: Place): Promise<boolean> {
  if (page.url() === 'about:blank' || page.url() !== new URL(place.address(stage), page.url()).href) return false;
  const close = page.locator(opened).getByRole('button', { name: await said(page, 'common.close') });
  if (!(await close.first().isVisible())) return false;
  await close.first().click();
  await expect(page.locator(opened)).toHaveCount(0);
  return true;
}

/** The other theme, as another tab of the same browser would choose it. */
async function changeTheme(page: Page, theme: Look['theme']): Promise<void> {
  await page.evaluate((scheme) => {
    const change = { key: 'mantine-color-scheme-value', newValue: scheme, storageArea: localStorage };
    window.dispatchEvent(new StorageEvent('storage', change));
  }, theme);
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', theme);
}

/** Everything in the dark; what the other theme can get wrong by itself is contrast. */
async function seriousFindings(page: Page, theme: Look['theme'], within?: string): Promise<string[]> {
  // Nothing of ours is framed from elsewhere: all is found in the page, and only what is wrong is described; the other way, an
  // empty page is opened to count what is right.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  if (within !== undefined) axe.include(within);
  if (theme === 'dark') axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']);
  else axe.withRules(['color-contrast']);
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 6).map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${(failureSummary ?? '').split('\n').slice(1, 2).join('').trim()}`),
    );
}

/** What of an opened box cannot be brought where it is seen and pressed. */
async function outOfReach(page: Page): Promise<string[]> {
  return page.locator(opened).evaluateAll((all) => {
    const wide = all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.scrollWidth - one.clientWidth} px too wide`);
    const isOut = (button: Element) => {
      button.scrollIntoView({ block: 'center' });
      const { left, right, top, bottom, width } = button.getBoundingClientRect();
      const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      const isCovered = !button.contains(seen) && seen?.contains(button) !== true;
      return width > 0 && (left < 0 || top < 0 || right > window.innerWidth || bottom > window.innerHeight || isCovered);
    };
    const buttons = all.flatMap((one) => [...one.querySelectorAll('button, [role="menuitem"]')]);
    return [...wide, ...buttons.filter(isOut).map((button) => button.getAttribute('aria-label') ?? button.textContent)];
  });
}

test('axe finds nothing serious on any page, in either theme', async ({ browser }) => {
  await visit(browser, checked([...pages, ...troubles]), { theme: 'dark', language: 'zh', small: false }, async (page, { name }) => {
    for (const theme of themes) {
      await changeTheme(page, theme);
      const found = await seriousFindings(page, theme);
      if (found.length > 0) console.log(`${name}, ${theme}:\n  ${found.join('\n  ')}`);
      expect.soft(found, `${name}, ${theme}`).toEqual([]);
    }
  });
});

test('axe finds nothing serious in any dialog or menu', async ({ browser }) => {
  await visit(browser, checked(dialogs), { theme: 'dark', language: 'zh', small: false }, async (page, { name }) => {
    expect.soft(await seriousFindings(page, 'dark', opened), name).toEqual([]);
  });
});

test('no page is wider than a phone', async ({ browser }) => {
  await visit(browser, forPhones(checked([...pages, ...troubles])), { theme: 'light', language: 'en', small: true }, (page) => expectNoSidewaysScroll(page));
});

test('no dialog or menu is wider than a phone, and its buttons are within reach', async ({ browser }) => {
  await visit(browser, forPhones(checked(dialogs)), { theme: 'light', language: 'en', small: true }, async (page, { name }) => {
    await expectNoSidewaysScroll(page);
    expect.soft(await outOfReach(page), name).toEqual([]);
  });
});

test('catalogue', async ({ browser }) => {
  test.skip(process.env['FARSIGHT_CATALOGUE'] === undefined, 'made by `make screenshots`');
  test.setTimeout(7_200_000);
  mkdirSync(catalogue, { recursive: true });
  const all = wanted([...pages, ...troubles, ...dialogs]);
  if (all.some(({ who }) => who === 'learner')) {
    const cast = new Cast();
    stage = { ...stage, sessions: new Map([...stage.sessions, ['learner', await openLibrary(cast)]]) };
    await cast.end();
  }
  for (const small of [false, true]) {
    for (const theme of themes) {
      for (const language of languages) {
        const look = `${small ? 'phone' : 'screen'}-${theme}-${language}`;
        if (onlyLooks?.includes(look) === false) continue;
        const where = small ? forPhones(all) : all;
        await visit(browser, where, { theme, language, small }, async (page, { name }) => {
          // Pictures have pixels.
          await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined);
          await page.screenshot({ path: join(catalogue, `${name}-${look}.png`), animations: 'disabled' });
        });
      }
    }
  }
});
