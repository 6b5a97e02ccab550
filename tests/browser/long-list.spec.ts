/** A list of ten thousand cases, read to its end and back: how many of its rows are in the page, and how much is made anew on the way. */
import { askOfChest, takeBack } from './asking.ts';
import { expect, json, shot, test } from './people.ts';

test.describe.configure({ timeout: 300_000 });

const cases = 10_000;
/** What the hand goes on by from one picture to the next. */
const step_px = 600;
/** The lowest that a row can be. */
const row_px = 30;

interface Row {
  id: string;
  number: string;
}
interface List {
  consults: Row[];
  counts: Record<string, number>;
}

test('ten thousand cases are gone through with the rows of a screen in the page, each made once', async ({ person }) => {
  const [township, page] = [await person('township'), await person('radiologist')];
  const { id } = await askOfChest(township, { question: '很长的列表' });
  // One real case, ten thousand times; asked for in pages, as the server gives them.
  const { consults, counts } = await json<List>(page.request, 'get', '/api/v1/consults?tab=all&limit=1');
  const [model] = consults;
  if (model === undefined) throw new Error('the list is empty');
  const row = (at: number): Row => ({ ...model, id: `${model.id.slice(0, -5)}${String(at).padStart(5, '0')}`, number: `L${at}` });
  await page.route('**/api/v1/consults?*', (route) => {
    const asked = new URL(route.request().url()).searchParams;
    const from = Number(asked.get('cursor') ?? 0);
    const to = Math.min(cases, from + Number(asked.get('limit')));
    const next = to < cases ? String(to) : null;
    return route.fulfill({ json: { consults: Array.from({ length: to - from }, (_, at) => row(from + at)), counts: { ...counts, all: cases }, more: next !== null, next } });
  });

  await page.goto('/?tab=all');
  const table = page.getByRole('table');
  const selected = table.locator('[aria-current=true]');
  const toEnd = async () => {
    await page.keyboard.press('End');
    return table.getAttribute('aria-rowcount');
  };
  // The head is a row, too.
  await expect.poll(toEnd, { timeout: 120_000, intervals: [50] }).toBe(String(cases + 1));
  await page.keyboard.press('End');
  await expect(selected).toHaveAttribute('aria-rowindex', String(cases + 1));
  await expect(selected).toBeInViewport({ ratio: 1 });
  await shot(page, 'worklist-10000');
  await page.keyboard.press('Home');
  await expect(selected).toHaveAttribute('aria-rowindex', '2');
  await expect(selected).toBeInViewport({ ratio: 1 });
  await page.keyboard.press('ArrowDown');
  await expect(selected).toHaveAttribute('aria-rowindex', '3');
  await page.keyboard.press('Home');

  const walk = await table.evaluate(async (list, by) => {
    const [body, scroller] = [list.querySelector('tbody'), list.parentElement];
    if (body === null || scroller === null) throw new Error('the list cannot be scrolled');
    const isRow = (node: Node): node is HTMLElement => node instanceof HTMLElement && node.hasAttribute('aria-rowindex');
    let made = 0;
    const watch = new MutationObserver((changes) => {
      made += changes.flatMap(({ addedNodes }) => [...addedNodes]).filter(isRow).length;
    });
    watch.observe(body, { childList: true });
    const picture = () => new Promise((done) => requestAnimationFrame(done));
    const seen = new Set<string>();
    const [mostInPage, mostMade, took]: [number[], number[], number[]] = [[], [], []];
    for (let top = 0; top < scroller.scrollHeight; top += by) {
      const [before, began] = [made, performance.now()];
      scroller.scrollTop = top;
      await picture();
      await picture();
      took.push(performance.now() - began);
      mostMade.push(made - before);
      const rows = [...body.children].filter(isRow);
      mostInPage.push(rows.length);
      rows.forEach((one) => seen.add(one.getAttribute('aria-rowindex') ?? ''));
    }
    watch.disconnect();
    took.sort((a, b) => a - b);
    return {
      screen: scroller.clientHeight,
      seen: seen.size,
      made,
      mostInPage: Math.max(...mostInPage),
      mostMade: Math.max(...mostMade),
      steps: took.length,
      median_ms: took[Math.floor(took.length / 2)] ?? NaN,
      slowest_ms: took.at(-1) ?? NaN,
    };
  }, step_px);
  console.log(
    `${cases} cases in ${walk.steps} steps: at most ${walk.mostInPage} rows in the page, ${walk.mostMade} made in a step, ${walk.made} in all; ` +
      `two pictures in ${Math.round(walk.median_ms)} ms (median), ${Math.round(walk.slowest_ms)} ms (slowest)`,
  );
  expect(walk.seen).toBe(cases);
  // Before and after the screen there are some more, so that nothing is white.
  expect(walk.mostInPage).toBeLessThan(3 * (walk.screen / row_px));
  expect(walk.mostMade).toBeLessThan(2 * (step_px / row_px));
  expect(walk.made).toBeLessThan(1.1 * cases);

  await page.unrouteAll({ behavior: 'wait' });
  await takeBack(township, id, page);
});
