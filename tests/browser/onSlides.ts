/** What tests of the slide viewer do and measure on the screen. */
import type { Locator, Page, Route } from '@playwright/test';
import { expect } from './people.ts';

export const large = /结肠息肉切除/;
export const mpp_um = 0.5;
export const native = 20;

export interface SlideJson {
  id: string;
  source: string;
  study_instance_uid: string;
  [key: string]: unknown;
}

export function screenOf(page: Page): Locator {
  return page.getByRole('img', { name: '切片', exact: true });
}

export async function expectSharp(page: Page, which = 0): Promise<void> {
  await expect(screenOf(page).nth(which)).toHaveAttribute('data-sharp', 'true', { timeout: 60_000 });
}

export async function openLarge(page: Page): Promise<void> {
  await page.goto('/slides');
  await page.getByRole('link', { name: large }).click();
  await expectSharp(page);
  await expect.poll(() => page.url()).toContain('zoom=');
}

/** Where the slide whose path the page has is, by the page's address. */
export async function addressedView(page: Page): Promise<{ x: number; y: number; zoom: number; turn: number; mirror: boolean }> {
  const { searchParams } = new URL(page.url());
  const [x = NaN, y = NaN] = (searchParams.get('at') ?? '').split(',').map(Number);
  return { x, y, zoom: Number(searchParams.get('zoom')), turn: Number(searchParams.get('turn') ?? 0), mirror: searchParams.get('mirror') === '1' };
}

/** Waits until the address says what is expected of the view. */
export async function expectView(page: Page, expected: Partial<Awaited<ReturnType<typeof addressedView>>>): Promise<void> {
  await expect
    .poll(async () => {
      const view = await addressedView(page);
      return Object.entries(expected).filter(([name, value]) => {
        const now = view[name as keyof typeof view];
        return typeof value === 'number' ? Math.abs(Number(now) - value) > Math.max(0.002, Math.abs(value) * 0.002) : now !== value;
      });
    })
    .toEqual([]);
}

/** Opens the large slide at a field of view. */
export async function openAt(page: Page, search: string): Promise<void> {
  await page.goto(`${new URL(page.url()).pathname}?${search}`);
  await expectSharp(page);
}

export async function box(of: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const found = await of.boundingBox();
  if (found === null) throw new Error('it has no place on the page');
  return found;
}

/** Micrometres of one screen pixel, as the scale bar has it. */
export async function scaleBar_um_px(page: Page): Promise<number> {
  const text = (await page.getByTestId('scale').first().textContent()) ?? '';
  const { width } = await box(page.getByTestId('scale-bar').first());
  return lengthOf(text) / width;
}

/** `850 µm` and `1.25 mm` in micrometres. */
export function lengthOf(text: string): number {
  const found = /([\d.]+)\s*(µm|mm)/.exec(text);
  if (found === null) throw new Error(`no length in ${text}`);
  return Number(found[1]) * (found[2] === 'mm' ? 1000 : 1);
}

/** Draws a straight line from the middle of the slide, by hand. @returns what the ruler says, in micrometres. */
export async function ruled_um(page: Page, dx: number, dy: number): Promise<number> {
  const { x, y, width, height } = await box(screenOf(page));
  const middle = { x: x + width / 2, y: y + height / 2 };
  await page.keyboard.press('l');
  await page.mouse.move(middle.x, middle.y);
  await page.mouse.down();
  await page.mouse.move(middle.x + dx / 2, middle.y + dy / 2);
  await page.mouse.move(middle.x + dx, middle.y + dy);
  await page.mouse.up();
  const text = await page.getByTestId('measure-distance').last().textContent();
  await page.keyboard.press('Escape');
  return lengthOf(text ?? '');
}

/** The pixels of a square on the screen, as grey values row by row. */
export async function patch(page: Page, centre: { x: number; y: number }, side = 40): Promise<number[]> {
  const png = await page.screenshot({ clip: { x: centre.x - side / 2, y: centre.y - side / 2, width: side, height: side }, timeout: 60_000 });
  return page.evaluate(
    async ([data, size]) => {
      const picture = new Image();
      picture.src = `data:image/png;base64,${data}`;
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size });
      const pen = canvas.getContext('2d');
      if (pen === null) throw new Error('no canvas');
      pen.drawImage(picture, 0, 0, size, size);
      const { data: rgba } = pen.getImageData(0, 0, size, size);
      return Array.from({ length: size * size }, (_, at) => ((rgba[4 * at] ?? 0) + (rgba[4 * at + 1] ?? 0) + (rgba[4 * at + 2] ?? 0)) / 3);
    },
    [png.toString('base64'), side] as const,
  );
}

/** Mean difference of two patches, in grey values. */
export function difference(a: number[], b: number[]): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;
}

/** Changes what the server says of slides, on the way to the browser. */
export async function withSlides(page: Page, change: (slides: SlideJson[]) => SlideJson[]): Promise<void> {
  const answer = async (route: Route) => {
    if (route.request().resourceType() === 'image') return route.fallback();
    const response = await route.fetch();
    const json = (await response.json()) as { slides: SlideJson[] } | SlideJson;
    if ('slides' in json && Array.isArray(json.slides)) return route.fulfill({ response, json: { ...json, slides: change(json.slides) } });
    const [changed] = change([json as SlideJson]);
    return route.fulfill({ response, json: changed });
  };
  await page.route(/\/api\/v1\/slides(\/[^/]+)?$/, answer);
}

/** The demonstration's, whatever else other tests have stored. */
export const demoSlides = ['CMU-1-Small-Region.svs', 'generated-pyramid.svs'];

/** Both demonstration slides as if they were of one study. */
export function asOneCase(slides: SlideJson[]): SlideJson[] {
  return slides.map((slide) => (demoSlides.includes(slide.source) ? { ...slide, study_instance_uid: '1.2.3' } : slide));
}

export function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
