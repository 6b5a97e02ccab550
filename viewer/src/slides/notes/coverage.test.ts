import { expect, test } from 'vitest';
import type { SlideSeen } from '../../api/slideNotes';
import type { FieldOfView } from '../stage/geometry';
import { bytesOf, cellsInView, Coverage, encode } from './coverage';

const stage = { width: 400, height: 300 };
const grid = { cell_px: 100, columns: 10, rows: 8 };
const none = encode(new Uint8Array(bytesOf(grid)));
const unseen: SlideSeen = {
  first_at: null,
  last_at: null,
  openings: 0,
  grid,
  steps: [1, 2, 4].map((downsample) => ({ downsample, cells: none, share: 0 })),
};
const at = (part: Partial<FieldOfView>): FieldOfView => ({ x: 500, y: 400, zoom: 1, rotation_deg: 0, mirrored: false, ...part });

test('cells count whose middle is on the screen, also when the slide is turned', () => {
  expect(cellsInView(at({}), stage, grid)).toHaveLength(4 * 4);
  expect(cellsInView(at({ x: 550, y: 450 }), stage, grid)).toHaveLength(5 * 3);
  const upright = cellsInView(at({ x: 550, y: 450, rotation_deg: 90 }), stage, grid);
  expect(upright).toContain(35);
  expect(cellsInView(at({ zoom: 0.1 }), stage, grid)).toHaveLength(80);
  expect(cellsInView(at({ zoom: 16, x: 410, y: 410 }), stage, grid)).toEqual([44]);
  expect(cellsInView(at({ x: -5000 }), stage, grid)).toEqual([]);
});

test('what was seen large was seen small, too, and only news is sent', () => {
  const coverage = new Coverage(unseen);
  expect(coverage.takeNews()).toBeNull();
  expect(coverage.add(at({ zoom: 0.5 }), stage)).toBe(true);
  expect(coverage.share(0)).toBe(0);
  expect(coverage.share(1)).toBeGreaterThan(0);
  expect(coverage.share(2)).toBe(coverage.share(1));
  expect(coverage.add(at({ zoom: 0.5 }), stage)).toBe(false);
  const news = coverage.takeNews();
  expect(news?.[0]).toBe(none);
  expect(news?.[1]).not.toBe(none);
  expect(coverage.takeNews()).toBeNull();
  coverage.giveBack(news ?? []);
  expect(coverage.takeNews()).toEqual(news);
});

test('what the server knows is known', () => {
  const first = new Coverage(unseen);
  first.add(at({}), stage);
  const [large = '', , small = ''] = first.takeNews() ?? [];
  const again = new Coverage({ ...unseen, steps: unseen.steps.map((step, n) => ({ ...step, cells: n === 0 ? large : small })) });
  expect(again.add(at({}), stage)).toBe(false);
  const [cell = -1] = cellsInView(at({}), stage, grid);
  expect(again.best(cell)).toBe(0);
  expect(again.best(0)).toBeNull();
});
