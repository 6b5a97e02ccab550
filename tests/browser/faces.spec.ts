/** OpenSeadragon as it comes from its makers reads a slide by IIIF and by Deep Zoom: the same picture. */
import { demo } from './node.ts';
import { demoSlides } from './onSlides.ts';
import { expect, test } from './people.ts';
import { resolve } from 'node:path';
import type { Browser, Page } from '@playwright/test';

const openseadragon = resolve(import.meta.dirname, '../../viewer/node_modules/openseadragon/build/openseadragon/openseadragon.min.js');

interface Seen {
  error: string | null;
  size: [number, number];
  failed: number;
  /** Mean red, green and blue of sixteen fields of the view. */
  fields: number[];
}

/** Shows a tile source, and says what is on the canvas when everything is there. */
async function seen(page: Page, source: string, zoom: number): Promise<Seen> {
  return page.evaluate(
    async ([source, zoom]) => {
      const place = document.createElement('div');
      place.style.cssText = 'width:800px;height:600px;position:fixed;top:0;left:0';
      document.body.append(place);
      const make = (window as unknown as { OpenSeadragon: (options: object) => any }).OpenSeadragon;
      const viewer = make({ element: place, tileSources: source, drawer: 'canvas', showNavigationControl: false, immediateRender: true, animationTime: 0 });
      let failed = 0;
      viewer.addHandler('tile-load-failed', () => (failed += 1));
      const error: string | null = await new Promise((done) => {
        viewer.addHandler('open', () => done(null));
        viewer.addHandler('open-failed', (event: { message: string }) => done(event.message));
      });
      if (error !== null) return { error, size: [0, 0] as [number, number], failed, fields: [] };
      const item = viewer.world.getItemAt(0);
      viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(zoom), null, true);
      const size = item.getContentSize();
      await new Promise<void>((done) => {
        const wait = (): void => (item.getFullyLoaded() ? void setTimeout(done, 300) : void setTimeout(wait, 50));
        setTimeout(wait, 300);
      });
      const canvas = viewer.drawer.canvas as HTMLCanvasElement;
      const context = canvas.getContext('2d');
      const fields: number[] = [];
      for (let row = 0; row < 4; row += 1)
        for (let column = 0; column < 4; column += 1) {
          const [w, h] = [Math.floor(canvas.width / 4), Math.floor(canvas.height / 4)];
          const { data } = context!.getImageData(column * w, row * h, w, h);
          const sums = [0, 0, 0];
          data.forEach((value, at) => {
            if (at % 4 < 3) sums[at % 4]! += value;
          });
          fields.push(...sums.map((sum) => Math.round(sum / (w * h))));
        }
      viewer.destroy();
      place.remove();
      return { error: null, size: [size.x, size.y] as [number, number], failed, fields };
    },
    [source, zoom] as const,
  );
}

async function reader(browser: Browser): Promise<Page> {
  // The page has no script of its own, and the policy allows none from elsewhere.
  const context = await browser.newContext({ baseURL: demo().base_url, bypassCSP: true });
  const account = demo().accounts.find((one) => one.login === 'township')!;
  await context.request.post('/api/v1/session', { data: { login: account.login, password: account.password }, headers: { 'X-Farsight': '1' } });
  const page = await context.newPage();
  await page.goto('/healthz');
  await page.addScriptTag({ path: openseadragon });
  return page;
}

test('OpenSeadragon shows the same slide by IIIF and by Deep Zoom', async ({ browser }) => {
  const page = await reader(browser);
  const { slides } = (await (await page.request.get('/api/v1/slides')).json()) as { slides: { id: string; source: string; width: number; height: number }[] };
  // Those that other tests store may be small and dark.
  for (const name of demoSlides) {
    const slide = slides.find(({ source }) => source === name);
    if (slide === undefined) throw new Error(`of the demonstration's slides ${name} is not among ${slides.map(({ source }) => source).join(', ')}`);
    const { id, width, height } = slide;
    for (const zoom of [0.05, 0.3, 1]) {
      const iiif = await seen(page, `/iiif/3/${id}/info.json`, zoom);
      const dzi = await seen(page, `/api/v1/slides/${id}/dzi.dzi`, zoom);
      for (const [name, face] of Object.entries({ iiif, dzi })) {
        expect(face.error, name).toBeNull();
        expect(face.size, name).toEqual([width, height]);
        expect(face.failed, `${name}: tiles that were not there`).toBe(0);
      }
      // Beside a small slide the canvas is empty.
      expect(Math.max(...iiif.fields), 'a picture').toBeGreaterThan(20);
      if (zoom === 1) expect(Math.min(...iiif.fields), 'and nothing black').toBeGreaterThan(20);
      const off = iiif.fields.map((value, at) => Math.abs(value - dzi.fields[at]!));
      expect(Math.max(...off), `zoom ${zoom}: ${off.join(' ')}`).toBeLessThanOrEqual(6);
    }
  }
  await page.context().close();
});
