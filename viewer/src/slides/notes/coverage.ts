/**
 * Which cells of a slide were on the screen, and how large. Cells are those of the server's grid, one bit each; adding is
 * an OR. Pure: time and views come in.
 */
import type { SlideSeen } from '../../api/slideNotes';
import { toScreen, type FieldOfView, type Size } from '../stage/geometry';

export type Grid = SlideSeen['grid'];

export function bytesOf({ columns, rows }: Grid): number {
  return Math.ceil((columns * rows) / 8);
}

export function decode(cells: string): Uint8Array {
  return Uint8Array.from(atob(cells), (letter) => letter.charCodeAt(0));
}

export function encode(cells: Uint8Array): string {
  return btoa(String.fromCharCode(...cells));
}

export function has(cells: Uint8Array, cell: number): boolean {
  return ((cells[cell >> 3] ?? 0) & (1 << (cell & 7))) !== 0;
}

function mark(cells: Uint8Array, cell: number): boolean {
  if (has(cells, cell)) return false;
  cells[cell >> 3] = (cells[cell >> 3] ?? 0) | (1 << (cell & 7));
  return true;
}

/** The cells whose middle is on the screen. */
export function cellsInView(view: FieldOfView, stage: Size, grid: Grid): number[] {
  // Of a slide in 64 × 64 cells only those within half the screen's diagonal can be.
  const reach = Math.hypot(stage.width, stage.height) / 2 / view.zoom;
  const from = (at: number) => Math.max(0, Math.floor((at - reach) / grid.cell_px));
  const to = (at: number, most: number) => Math.min(most - 1, Math.floor((at + reach) / grid.cell_px));
  const cells: number[] = [];
  for (let row = from(view.y); row <= to(view.y, grid.rows); row += 1) {
    for (let column = from(view.x); column <= to(view.x, grid.columns); column += 1) {
      const at = toScreen(view, stage, { x: (column + 0.5) * grid.cell_px, y: (row + 0.5) * grid.cell_px });
      if (at.x >= 0 && at.y >= 0 && at.x <= stage.width && at.y <= stage.height) cells.push(row * grid.columns + column);
    }
  }
  // So large that no middle of a cell is on the screen: the one that is looked into.
  if (cells.length === 0) {
    const column = Math.floor(view.x / grid.cell_px);
    const row = Math.floor(view.y / grid.cell_px);
    if (column >= 0 && row >= 0 && column < grid.columns && row < grid.rows) cells.push(row * grid.columns + column);
  }
  return cells;
}

/** What of a slide has been seen, and what of that the server does not know yet. */
export class Coverage {
  readonly grid: Grid;
  private readonly downsamples: number[];
  private readonly known: Uint8Array[];
  private news: Uint8Array[];
  private hasNews = false;

  constructor(seen: SlideSeen) {
    this.grid = seen.grid;
    this.downsamples = seen.steps.map(({ downsample }) => downsample);
    this.known = seen.steps.map(({ cells }) => decode(cells));
    this.news = this.none();
  }

  private none(): Uint8Array[] {
    return this.downsamples.map(() => new Uint8Array(bytesOf(this.grid)));
  }

  /** This has been on the screen for a moment; whether that is news. */
  add(view: FieldOfView, stage: Size): boolean {
    const downsample = 1 / view.zoom;
    const cells = cellsInView(view, stage, this.grid);
    let isNew = false;
    this.downsamples.forEach((most, step) => {
      // A hair is allowed: an objective button is never exact.
      if (downsample > most * 1.02) return;
      const [known, news] = [this.known[step], this.news[step]];
      if (known === undefined || news === undefined) return;
      for (const cell of cells) {
        if (mark(known, cell)) {
          mark(news, cell);
          isNew = true;
        }
      }
    });
    this.hasNews ||= isNew;
    return isNew;
  }

  /** What the server does not know yet; afterwards it counts as known. `null`: nothing. */
  takeNews(): string[] | null {
    if (!this.hasNews) return null;
    const taken = this.news.map(encode);
    this.news = this.none();
    this.hasNews = false;
    return taken;
  }

  /** What was taken did not arrive. */
  giveBack(taken: readonly string[]): void {
    taken.forEach((cells, step) => {
      const news = this.news[step];
      decode(cells).forEach((byte, at) => {
        if (news !== undefined) news[at] = (news[at] ?? 0) | byte;
      });
    });
    this.hasNews = true;
  }

  /** The largest magnification (0 is the first step) at which a cell was seen; `null`: never. */
  best(cell: number): number | null {
    const step = this.known.findIndex((cells) => has(cells, cell));
    return step === -1 ? null : step;
  }

  /** The share of cells that were seen at a step, of those that `counts` says count. */
  share(step: number, counts: (cell: number) => boolean = () => true): number {
    const cells = this.known[step];
    let [all, seen] = [0, 0];
    for (let cell = 0; cell < this.grid.columns * this.grid.rows; cell += 1) {
      if (!counts(cell)) continue;
      all += 1;
      if (cells !== undefined && has(cells, cell)) seen += 1;
    }
    return all === 0 ? 0 : seen / all;
  }
}
