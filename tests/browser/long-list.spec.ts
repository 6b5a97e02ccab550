/** A list of ten thousand cases, read to its end and back: how many of its rows are in the page, and how much is made and asked anew on the way. */
import { askOfChest, takeBack } from './asking.ts';
import { expect, json, shot, test } from './people.ts';

test.describe.configure({ timeout: 600_000 });
// Of a hundred answers with two hundred cases each, a trace costs more than the list.
test.use({ trace: 'off' });

const cases = 10_000;
/** So many of them are gone through one by one. */
const walked = 3_000;
/** What the hand goes on by from one picture to the next; a screen and the rows around it are more. */
const step_px = 1_200;
/** The lowest that a row can be. */
const row_px = 30;
/** Rows that the server gives at most at once. */
const pageMost = 200;
/** Of the first page, of those about the screen, and of whatever is asked for once more by the clock meanwhile. */
const refreshMost = 12;

interface Row {
  id: string;
  number: string;
  patient_name: string;
}
interface List {
  consults: Row[];
  counts: Record<string, number>;
}

test('ten thousand cases are gone through with the rows of a screen in the page, each made once', async ({ person }) => {
  const [township, page] = [await person('township'), await person('reader')];
  const { id } = await askOfChest(township, { question: '很长的列表' });
  // One real case, ten thousand times; asked for in pages, as the server gives them: newest first, behind the cursor.
  const { consults, counts } = await json<List>(page.request, 'get', '/api/v1/consults?tab=all&limit=1');
  const [model] = consults;
  if (model === undefined) throw new Error('the list is empty');
  const row = (sort: number) => ({ ...model, id: `${model.id.slice(0, -6)}${String(sort).padStart(6, '0')}`, number: `L${sort}`, sort });
  const all = Array.from({ length: cases }, (_, at) => row(10 * (cases - at)));
  const insert = (at: number, sort: number) => all.splice(at, 0, { ...row(sort), patient_name: `新来 ${sort}` });
  let asked = 0;
  await page.route('**/api/v1/consults?*', (route) => {
    asked += 1;
    const wanted = new URL(route.request().url()).searchParams;
    const after = Number(wanted.get('cursor')?.split('.')[0] ?? Infinity);
    const from = all.findIndex(({ sort }) => sort < after);
    const rows = from < 0 ? [] : all.slice(from, from + Number(wanted.get('limit')));
    const last = rows.at(-1);
    const next = last === undefined || last === all.at(-1) ? null : `${last.sort}.${last.id}`;
    return route.fulfill({ json: { consults: rows, counts: { ...counts, all: all.length }, more: next !== null, next } });
  });

  await page.goto('/?tab=all');
  const table = page.getByRole('table');
  const selected = table.locator('[aria-current=true]');
  // The head is a row, too.
  await expect(selected).toHaveAttribute('aria-rowindex', '2');
  await expect(table).not.toHaveAttribute('aria-rowcount', String(cases + 1));

  // On the way to the end one may think better of it.
  await page.keyboard.press('End');
  await expect.poll(async () => Number(await selected.getAttribute('aria-rowindex'))).toBeGreaterThan(pageMost);
  await page.keyboard.press('Home');
  await expect(selected).toHaveAttribute('aria-rowindex', '2');
  await expect(table).not.toHaveAttribute('aria-rowcount', String(cases + 1));

  const began = performance.now();
  await page.keyboard.press('End');
  await expect(selected).toHaveAttribute('aria-rowindex', String(cases + 1), { timeout: 120_000 });
  console.log(`all listed with ${asked} requests after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  expect(asked).toBeLessThan(2 * (cases / pageMost));
  // But for a part of a pixel: rows are not whole pixels high.
  await expect(selected).toBeInViewport({ ratio: 0.98 });
  await shot(page, 'worklist-10000');
  await page.keyboard.press('Home');
  await expect(selected).toHaveAttribute('aria-rowindex', '2');
  await expect(selected).toBeInViewport({ ratio: 0.98 });
  await page.keyboard.press('ArrowDown');
  await expect(selected).toHaveAttribute('aria-rowindex', '3');
  await page.keyboard.press('Home');

  // In the middle of the list something comes in before it, and something that is to be seen.
  await table.evaluate((list) => list.parentElement?.scrollTo(0, list.scrollHeight / 2));
  const inView = table.getByRole('row').nth(20);
  await expect.poll(async () => Math.abs(Number(await inView.getAttribute('aria-rowindex')) - cases / 2)).toBeLessThan(100);
  const middle = Number(await inView.getAttribute('aria-rowindex')) - 2;
  const beside = all[middle];
  if (beside === undefined) throw new Error('the row on the screen is not in the list');
  asked = 0;
  insert(middle + 1, beside.sort - 5);
  insert(0, 10 * cases + 5);
  const event = await askOfChest(township, { question: '很长的列表，又一个' });
  await expect(table).toHaveAttribute('aria-rowcount', String(cases + 3));
  await expect(table.getByText(`新来 ${beside.sort - 5}`)).toBeVisible();
  console.log(`after one event in the middle of ${cases} cases: ${asked} requests`);
  expect(asked).toBeLessThan(refreshMost);

  const walk = await table.evaluate(async (list, [by, rowsMost]) => {
    const [body, scroller] = [list.querySelector('tbody'), list.parentElement];
    const head = list.querySelector('thead');
    if (body === null || head === null || scroller === null) throw new Error('the list cannot be scrolled');
    const isRow = (node: Node): node is HTMLElement => node instanceof HTMLElement && node.hasAttribute('aria-rowindex');
    const rowsNow = () => [...body.children].filter(isRow);
    const picture = () => new Promise((done) => requestAnimationFrame(done));
    /** In pictures, until there are rows wherever one looks. */
    const drawn = async () => {
      let pictures = 0;
      do {
        await picture();
        pictures += 1;
        if (pictures > 600) throw new Error(`no rows at ${scroller.scrollTop} of ${scroller.scrollHeight}, but ${rowsNow().map((row) => row.getAttribute('aria-rowindex')).join()}`);
      } while (!covers());
      return pictures;
    };
    const covers = () => {
      const rows = rowsNow();
      const [first, last] = [rows[0], rows.at(-1)];
      if (first === undefined || last === undefined) return false;
      const [top, bottom] = [head.getBoundingClientRect().bottom, scroller.getBoundingClientRect().bottom];
      const isAtEnd = last.getAttribute('aria-rowindex') === list.getAttribute('aria-rowcount');
      return first.getBoundingClientRect().top <= top + 1 && (isAtEnd || last.getBoundingClientRect().bottom >= bottom - 1);
    };
    let made = 0;
    const watch = new MutationObserver((changes) => {
      made += changes.flatMap(({ addedNodes }) => [...addedNodes]).filter(isRow).length;
    });
    watch.observe(body, { childList: true });
    const seen = new Set<string>();
    const doubled = new Set<string>();
    const [mostInPage, mostMade, took, pictures]: [number[], number[], number[], number[]] = [[], [], [], []];
    scroller.scrollTop = 0;
    await drawn();
    made = 0;
    let at = 0;
    for (let top = 0; at < rowsMost; top += by) {
      const [before, began] = [made, performance.now()];
      scroller.scrollTop = top;
      pictures.push(await drawn());
      took.push(performance.now() - began);
      mostMade.push(made - before);
      const rows = rowsNow();
      at = Number(rows.at(-1)?.getAttribute('aria-rowindex'));
      mostInPage.push(rows.length);
      const here = rows.map((one) => one.querySelector('a')?.getAttribute('href') ?? '');
      here.filter((address, at) => here.indexOf(address) !== at).forEach((address) => doubled.add(address));
      here.forEach((address) => seen.add(address));
    }
    watch.disconnect();
    took.sort((a, b) => a - b);
    return {
      screen: scroller.clientHeight,
      seen: seen.size,
      last: at,
      doubled: doubled.size,
      made,
      mostInPage: Math.max(...mostInPage),
      mostMade: Math.max(...mostMade),
      mostPictures: Math.max(...pictures),
      steps: took.length,
      median_ms: took[Math.floor(took.length / 2)] ?? NaN,
      slowest_ms: took.at(-1) ?? NaN,
    };
  }, [step_px, walked] as const);
  console.log(
    `${walk.seen} cases in ${walk.steps} steps: at most ${walk.mostInPage} rows in the page, ${walk.mostMade} made in a step, ${walk.made} in all; ` +
      `drawn after ${Math.round(walk.median_ms)} ms (median), ${Math.round(walk.slowest_ms)} ms and ${walk.mostPictures} pictures (slowest)`,
  );
  // None is left out on the way; the head is a row, too.
  expect(walk.seen).toBe(walk.last - 1);
  expect(walk.doubled).toBe(0);
  // Before and after the screen there are some more, so that nothing is white.
  expect(walk.mostInPage).toBeLessThan(3 * (walk.screen / row_px));
  expect(walk.mostMade).toBeLessThan(2 * (step_px / row_px));
  expect(walk.made).toBeLessThan(1.1 * walk.seen);

  await page.unrouteAll({ behavior: 'wait' });
  await takeBack(township, event.id, page);
  await takeBack(township, id, page);
});
