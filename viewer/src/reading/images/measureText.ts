/** What a measurement says, in a few lines; the same on the image, in the list and in the exported document. */
import type { MeasureTool } from './tools';

/** What Cornerstone has computed for one annotation on one image, as far as it is shown. */
export interface Stats {
  length?: number | null;
  unit?: string | null;
  /** Degrees. */
  angle?: number | string | null;
  area?: number | null;
  areaUnit?: string | null;
  mean?: number | null;
  stdDev?: number | null;
  min?: number | null;
  max?: number | null;
  modalityUnit?: string | readonly string[] | null;
  value?: number | readonly number[] | null;
  /** Column, row and slice that were probed, from 0. */
  index?: ArrayLike<number> & Iterable<number>;
}

export type Words = (key: 'area' | 'mean' | 'range' | 'heart' | 'thorax' | 'ratio' | 'outside', values?: { value: string }) => string;

/** Three significant digits or one decimal, whichever says more; never in exponents. */
export function figure(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || size === 0 ? 1 : size >= 1 ? 2 : 3).replace(/\.?0+$/, '');
}

/** Cornerstone appends what a length rests on to its unit; that is said elsewhere on the image. */
export function plainUnit(unit: string | readonly string[] | null | undefined): string {
  // A probe names the unit of each of its values.
  const [first] = typeof unit === 'string' ? [unit] : (unit ?? []);
  return (first ?? '').split(' ')[0] ?? '';
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** Smaller over larger width, so that it does not matter which was drawn first. */
export function cardiothoracicRatio(first: number, second: number): number | null {
  const wider = Math.max(first, second);
  return wider > 0 ? Math.min(first, second) / wider : null;
}

function regionLines(stats: Stats, words: Words): string[] {
  if (!isNumber(stats.area)) return [];
  const lines = [words('area', { value: `${figure(stats.area)} ${plainUnit(stats.areaUnit)}` })];
  const unit = plainUnit(stats.modalityUnit);
  const withUnit = (value: string) => (unit === '' ? value : `${value} ${unit}`);
  if (isNumber(stats.mean) && isNumber(stats.stdDev)) {
    lines.push(words('mean', { value: withUnit(`${stats.mean.toFixed(1)} ± ${stats.stdDev.toFixed(1)}`) }));
  }
  if (isNumber(stats.min) && isNumber(stats.max)) {
    lines.push(words('range', { value: withUnit(`${figure(stats.min)} – ${figure(stats.max)}`) }));
  }
  return lines;
}

/** `other`: the length of the other width on the same image, for a cardiothoracic ratio. */
export function measureLines(tool: MeasureTool, stats: Stats, words: Words, other: number | null = null): string[] {
  switch (tool) {
    case 'length':
      return isNumber(stats.length) ? [`${figure(stats.length)} ${plainUnit(stats.unit)}`] : [];
    case 'ratio': {
      if (!isNumber(stats.length)) return [];
      const value = `${figure(stats.length)} ${plainUnit(stats.unit)}`;
      if (other === null) return [value];
      const ratio = cardiothoracicRatio(stats.length, other);
      if (stats.length < other || ratio === null) return [words('heart', { value })];
      return [words('thorax', { value }), words('ratio', { value: ratio.toFixed(2) })];
    }
    case 'angle':
    case 'cobb':
      return isNumber(stats.angle) ? [`${stats.angle.toFixed(1)}°`] : [];
    case 'ellipse':
    case 'rectangle':
      return regionLines(stats, words);
    case 'probe': {
      const { value } = stats;
      const text = isNumber(value) ? figure(value) : Array.isArray(value) ? value.map((one) => figure(Number(one))).join(' / ') : null;
      return text === null ? [] : [[text, plainUnit(stats.modalityUnit)].filter((part) => part !== '').join(' ')];
    }
    case 'arrow':
      return [];
  }
}
