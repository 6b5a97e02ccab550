/** DICOM Segmentations (PS3.3 §A.51, §C.8.20): what was found in images, as one plane of pixels for each image it lies in. */
import { items, number, numbers, tags, text, type Instance } from '../dicomJson';
import { cross, type Vector } from '../linking';
import { colourOf, type Colour } from '../colours';

/** How a frame says which pixels are in: one bit, a share of the most, or the number of the segment. */
export type Coding = 'bits' | 'shares' | 'labels';

export interface Segment {
  number: number;
  name: string;
  colour: Colour;
  /** AUTOMATIC, SEMIAUTOMATIC or MANUAL (0062,0008); '' when nothing is said. */
  algorithm: string;
  algorithmName: string;
}

/** Where pixels lie in the patient, (0, 0) being the middle of the first. */
export interface PixelPlane {
  position: Vector;
  /** Along a row, from column to column. */
  row: Vector;
  column: Vector;
  normal: Vector;
  columnSpacing: number;
  rowSpacing: number;
  thickness_mm: number;
}

export interface Reference {
  sop: string;
  /** Counted from 1; all when empty. */
  frames: readonly number[];
  /** Whether its pixels are where this frame's are (0028,135A). */
  keepsPlaces: boolean;
}

export interface SegmentFrame {
  /** Counted from 1. */
  number: number;
  /** Segment of all its pixels; `null` where each says its own. */
  segment: number | null;
  plane: PixelPlane | null;
  references: readonly Reference[];
}

export interface Segmentation {
  uid: string;
  /** Of the instance, at DICOMweb. */
  address: string;
  name: string;
  coding: Coding;
  /** Of one pixel. */
  bits: 1 | 8 | 16;
  /** What counts as wholly in, where shares are said. */
  most: number;
  rows: number;
  columns: number;
  frameOfReference: string;
  segments: readonly Segment[];
  frames: readonly SegmentFrame[];
}

const sopClasses = ['1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7'];
const framesMax = 100_000;
const pixelsMax = 64 * 1024 * 1024;

const first = (of: Instance | undefined, tag: string): Instance | undefined => items(of, tag)[0];

function vector(values: readonly number[], from = 0): Vector | null {
  const [x, y, z] = values.slice(from, from + 3);
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}

/** What an item says in one of its functional groups; what is said for all frames counts where it says nothing. */
function planeOf(group: Instance, shared: Instance | undefined): PixelPlane | null {
  const macro = (tag: string) => first(group, tag) ?? first(shared, tag);
  const cosines = numbers(macro('00209116'), '00200037');
  const [position, row, column] = [vector(numbers(macro('00209113'), '00200032')), vector(cosines), vector(cosines, 3)];
  const measures = macro('00289110');
  const [rowSpacing, columnSpacing] = numbers(measures, tags.pixelSpacing);
  if (position === null || row === null || column === null || !(Number(rowSpacing) > 0) || !(Number(columnSpacing) > 0)) return null;
  return {
    position,
    row,
    column,
    normal: cross(row, column),
    rowSpacing: Number(rowSpacing),
    columnSpacing: Number(columnSpacing),
    thickness_mm: (measures === undefined ? null : number(measures, tags.sliceThickness)) ?? 0,
  };
}

/** The images that a frame was derived from (PS3.3 §C.7.6.16.2.6). */
function referencesOf(group: Instance, shared: Instance | undefined): Reference[] {
  const derivations = items(group, '00089124');
  return (derivations.length > 0 ? derivations : items(shared, '00089124')).flatMap((derivation) =>
    items(derivation, '00082112').flatMap((source): Reference[] => {
      const sop = text(source, '00081155');
      return sop === '' ? [] : [{ sop, frames: numbers(source, '00081160'), keepsPlaces: text(source, '0028135A') !== 'NO' }];
    }),
  );
}

function segmentsOf(instance: Instance, isPadding: (value: number) => boolean): Segment[] {
  return items(instance, '00620002').flatMap((item): Segment[] => {
    const value = number(item, '00620004');
    if (value === null || isPadding(value)) return [];
    return [
      {
        number: value,
        name: text(item, '00620005') || text(first(item, '0062000F') ?? {}, '00080104') || String(value),
        colour: colourOf(numbers(item, '0062000D'), value),
        algorithm: text(item, '00620008'),
        algorithmName: text(item, '00620009'),
      },
    ];
  });
}

function codingOf(instance: Instance): { coding: Coding; bits: 1 | 8 | 16 } | null {
  const bits = number(instance, '00280100');
  switch (text(instance, '00620001')) {
    case 'BINARY':
      return bits === 1 ? { coding: 'bits', bits } : null;
    case 'FRACTIONAL':
      return bits === 8 ? { coding: 'shares', bits } : null;
    case 'LABELMAP':
      return bits === 8 || bits === 16 ? { coding: 'labels', bits } : null;
    default:
      return null;
  }
}

/** `null` for what is no segmentation of pixels that can be read. `address`: of the series, at DICOMweb. */
export function segmentationOf(instance: Instance, address: string): Segmentation | null {
  const coding = codingOf(instance);
  const [rows, columns] = [number(instance, tags.rows) ?? 0, number(instance, tags.columns) ?? 0];
  const uid = text(instance, tags.sopInstanceUid);
  if (!sopClasses.includes(text(instance, '00080016')) || coding === null || rows <= 0 || columns <= 0 || rows * columns > pixelsMax) return null;
  const shared = first(instance, '52009229');
  const groups = items(instance, '52009230').slice(0, Math.min(number(instance, tags.frames) ?? 1, framesMax));
  const padding = number(instance, '00280120') ?? 0;
  return {
    uid,
    address: `${address}/instances/${uid}`,
    name: text(instance, '0008103E') || text(instance, '00700080') || uid,
    ...coding,
    most: number(instance, '0062000E') ?? 255,
    rows,
    columns,
    frameOfReference: text(instance, tags.frameOfReference),
    segments: segmentsOf(instance, (value) => coding.coding === 'labels' && value === padding),
    frames: groups.map((group, at) => ({
      number: at + 1,
      segment: coding.coding === 'labels' ? null : (number(first(group, '0062000A') ?? first(shared, '0062000A') ?? {}, '0062000B') ?? null),
      plane: planeOf(group, shared),
      references: referencesOf(group, shared),
    })),
  };
}

/** Of one frame, as it travels: PS3.5 §8.1.1, begun on a byte. */
export function frameBytes({ rows, columns, bits }: Pick<Segmentation, 'rows' | 'columns' | 'bits'>): number {
  return Math.ceil((rows * columns * bits) / 8);
}
