/** Between Cornerstone's annotations, in millimetres of the patient, and the measurements that are saved, in pixels of an image. */
import type { MeasuredValue, Measurement, MeasurementKind, Unit } from '../../api/measurements';
import type { Vector } from './linking';
import { cardiothoracicRatio, plainUnit, type Stats } from './measureText';

/** The plane of an image as the library has it: spacing 1 where none is known. */
export interface ImagePlane {
  position: Vector;
  /** Along a row, from column to column. */
  row: Vector;
  /** Along a column, from row to row. */
  column: Vector;
  columnSpacing: number;
  rowSpacing: number;
}

/** What an address of a frame names. */
export interface Frame {
  org: string;
  study: string;
  series: string;
  instance: string;
  frame: number;
}

const address = /\/orgs\/([^/]+)\/studies\/([^/]+)\/series\/([^/]+)\/instances\/([^/]+)\/frames\/(\d+)/;

export function frameOf(imageId: string): Frame | null {
  const [, org, study, series, instance, frame] = address.exec(imageId) ?? [];
  if (org === undefined || study === undefined || series === undefined || instance === undefined) return null;
  return { org: decodeURIComponent(org), study: decodeURIComponent(study), series, instance, frame: Number(frame) };
}

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const hundredths = (value: number) => Math.round(value * 100) / 100;

/** Column and row, the middle of the first pixel being 0.5, 0.5 (PS3.3 §C.10.5.1.2). */
export function toImage(plane: ImagePlane, world: Vector): [number, number] {
  const from: Vector = [world[0] - plane.position[0], world[1] - plane.position[1], world[2] - plane.position[2]];
  return [hundredths(dot(from, plane.row) / plane.columnSpacing + 0.5), hundredths(dot(from, plane.column) / plane.rowSpacing + 0.5)];
}

export function toWorld(plane: ImagePlane, [x, y]: readonly [number, number]): [number, number, number] {
  const [right, down] = [(x - 0.5) * plane.columnSpacing, (y - 0.5) * plane.rowSpacing];
  const axis = (at: 0 | 1 | 2) => plane.position[at] + plane.row[at] * right + plane.column[at] * down;
  return [axis(0), axis(1), axis(2)];
}

/** Cornerstone has opposite corners first and last; we go around. Its own inverse. */
export function around<Point>(kind: MeasurementKind, points: readonly Point[]): Point[] {
  const [a, b, c, d] = points;
  if (kind !== 'rectangle' || a === undefined || b === undefined || c === undefined || d === undefined) return [...points];
  return [a, b, d, c];
}

/** A probe names the middle of the pixel that was read: between two pixels, rounding would name the other. */
export function pixelOf(kind: MeasurementKind, { index }: Stats): [number, number][] | null {
  const [column, row] = index ?? [];
  return kind !== 'probe' || column === undefined || row === undefined ? null : [[column + 0.5, row + 0.5]];
}

const units: Readonly<Record<string, Unit>> = { mm: 'mm', cm: 'cm', px: 'px', 'mm²': 'mm2', 'cm²': 'cm2', 'px²': 'px2', HU: 'HU', SUV: 'SUV' };
const unitOf = (text: Stats['modalityUnit']): Unit => units[plainUnit(text)] ?? '1';

/** `other`: the other width of a cardiothoracic ratio. */
export function valuesOf(kind: MeasurementKind, stats: Stats, other: number | null): MeasuredValue[] {
  const found: MeasuredValue[] = [];
  const add = (quantity: MeasuredValue['quantity'], value: unknown, unit: Unit) => {
    if (typeof value === 'number' && Number.isFinite(value)) found.push({ quantity, value, unit });
  };
  switch (kind) {
    case 'length':
    case 'ratio':
      add('length', stats.length, unitOf(stats.unit));
      if (kind === 'ratio' && other !== null && typeof stats.length === 'number' && stats.length >= other) {
        add('cardiothoracic_ratio', cardiothoracicRatio(stats.length, other), '1');
      }
      break;
    case 'angle':
    case 'cobb':
      add('angle', stats.angle, 'deg');
      break;
    case 'ellipse':
    case 'rectangle':
      add('area', stats.area, unitOf(stats.areaUnit));
      add('mean', stats.mean, unitOf(stats.modalityUnit));
      add('standard_deviation', stats.stdDev, unitOf(stats.modalityUnit));
      add('minimum', stats.min, unitOf(stats.modalityUnit));
      add('maximum', stats.max, unitOf(stats.modalityUnit));
      break;
    case 'probe':
      add('pixel_value', stats.value, unitOf(stats.modalityUnit));
      break;
    case 'arrow':
      break;
  }
  return found;
}

const quantityOfUnit: Partial<Record<Unit, string>> = { mm2: 'mm²', cm2: 'cm²', px2: 'px²', '1': '' };

/** The saved values as what they were computed from, so that both are said in the same words. */
export function statsOf({ values }: Pick<Measurement, 'values'>): Stats {
  const stats: Stats = {};
  for (const { quantity, value, unit } of values) {
    const text = quantityOfUnit[unit] ?? unit;
    switch (quantity) {
      case 'length':
        Object.assign(stats, { length: value, unit: text });
        break;
      case 'angle':
        stats.angle = value;
        break;
      case 'area':
        Object.assign(stats, { area: value, areaUnit: text });
        break;
      case 'mean':
        Object.assign(stats, { mean: value, modalityUnit: text });
        break;
      case 'standard_deviation':
        stats.stdDev = value;
        break;
      case 'minimum':
        stats.min = value;
        break;
      case 'maximum':
        stats.max = value;
        break;
      case 'pixel_value':
        Object.assign(stats, { value, modalityUnit: text });
        break;
      case 'cardiothoracic_ratio':
        break;
    }
  }
  return stats;
}
