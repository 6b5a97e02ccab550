/** Where the numbers of a chart stand. */

/** Ticks from 0 to the first round number that is not below the largest value: 1, 2 or 5 times a power of ten apart. */
export function ticks(largest: number, most = 5): number[] {
  const rough = Math.max(largest, 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10) * power);
  const last = Math.ceil(Math.max(largest, 1) / step);
  return Array.from({ length: last + 1 }, (_, n) => n * step);
}

/** A line through the values that are there; it breaks where one is not. */
export function linePath(values: readonly (number | null)[], x: (at: number) => number, y: (value: number) => number): string {
  return values
    .map((value, at) => {
      if (value === null) return '';
      const begins = at === 0 || values[at - 1] === null;
      return `${begins ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    })
    .join('');
}

/** A level across each month, within the chart, so that one month alone has one, too. */
export function levelPath(values: readonly (number | null)[], x: (at: number) => number, y: (value: number) => number, [from, to]: readonly [number, number]): string {
  const half = (to - from) / Math.max(values.length - 1, 1) / 2;
  const within = (place: number) => Math.min(Math.max(place, from), to).toFixed(1);
  return values.map((value, at) => (value === null ? '' : `M${within(x(at) - half)} ${y(value).toFixed(1)}H${within(x(at) + half)}`)).join('');
}

/** Every `step`-th label is shown, so that they do not run into each other. */
export function labelStep(count: number, width: number, label_px: number): number {
  return Math.max(1, Math.ceil((count * label_px) / Math.max(width, 1)));
}
