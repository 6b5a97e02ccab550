/** Places of the image viewer, what is drawn and measured there, and what the pixels say of it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect } from './people.ts';

export const patient = { timeout: 90_000 };

const root = resolve(import.meta.dirname, '../..');
const samples = process.env['FARSIGHT_SAMPLES'] ?? join(root, 'sample-data/cache');

export interface Study {
  study_instance_uid: string;
  organisation: { id: string };
  modalities: string[];
  instance_count: number;
  patient_name: string;
  description: string;
}

export interface Measurement {
  kind: string;
  instance: string;
  points: [number, number][];
  values: { quantity: string; value: number; unit: string }[];
}

export async function studyOf(page: Page, is: (study: Study) => boolean): Promise<Study> {
  const { studies } = (await (await page.request.get('/api/v1/studies?limit=100')).json()) as { studies: Study[] };
  const found = studies.find(is);
  if (found === undefined) throw new Error('the demo has no such study');
  return found;
}

export const isChestCt = (study: Study) => study.modalities.includes('CT') && study.instance_count === 120;
export const isChestCtBefore = (study: Study) => study.modalities.includes('CT') && study.instance_count === 60;

export function viewport(page: Page, at = 0): Locator {
  return page.getByTestId('viewport').nth(at);
}

export function screen(page: Page, at = 0): Locator {
  // The library's layer of lines is a picture, too.
  return viewport(page, at).getByRole('img', { name: /^影像/ });
}

export async function open(page: Page, study: Study): Promise<void> {
  await page.goto(`/studies/${study.organisation.id}/${study.study_instance_uid}`);
  await expect(screen(page)).toHaveAttribute('data-shown', 'true', patient);
}

/** What the page says where no graphics card draws. */
export const onCpu = '这台电脑没有图形加速，图像由处理器绘制';

/** A computer on which nothing draws but the processor; before the page is opened. */
export async function withoutCard(page: Page): Promise<void> {
  await page.addInitScript(() => {
    for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
      const get = prototype.getContext as (...of: unknown[]) => unknown;
      prototype.getContext = function (this: unknown, ...of: unknown[]) {
        return String(of[0]).includes('webgl') ? null : get.apply(this, of);
      } as never;
    }
  });
}

/** Press, move in steps as a hand does, release; places are shares of the screen. */
export async function drag(page: Page, on: Locator, from: [number, number], to: [number, number]): Promise<void> {
  const box = await on.boundingBox();
  if (box === null) throw new Error('it has no place on the page');
  const at = ([x, y]: [number, number]): [number, number] => [box.x + box.width * x, box.y + box.height * y];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]), { steps: 4 });
  await page.mouse.move(...at(to), { steps: 4 });
  await page.mouse.up();
}

export async function saved(page: Page, study: Study): Promise<Measurement[]> {
  const answer = await page.request.get(`/api/v1/studies/${study.organisation.id}/${study.study_instance_uid}/measurements`);
  const { sheets } = (await answer.json()) as { sheets: { own: boolean; measurements: Measurement[] }[] };
  return sheets.find(({ own }) => own)?.measurements ?? [];
}

export async function savedOf(page: Page, study: Study, kind: string): Promise<Measurement> {
  await expect.poll(async () => (await saved(page, study)).some((one) => one.kind === kind && one.values.length > 0), patient).toBe(true);
  const found = (await saved(page, study)).find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`nothing of the kind ${kind} is saved`);
  return found;
}

export function valueOf(one: Measurement, quantity: string): number {
  const found = one.values.find((value) => value.quantity === quantity);
  if (found === undefined) throw new Error(`no ${quantity} was measured`);
  return found.value;
}

/** The same from the file's own pixels, by pydicom and NumPy. */
export function recomputed(one: Measurement): Record<string, number> {
  const python = process.env['FARSIGHT_PYTHON'] ?? join(root, '.venv/bin/python');
  const script = join(import.meta.dirname, 'measure.py');
  const answer = execFileSync(existsSync(python) ? python : 'python3', [script, join(samples, 'demo/dicom'), JSON.stringify(one)], { encoding: 'utf8' });
  return JSON.parse(answer) as Record<string, number>;
}
