/**
 * Tables and curves of greys (PS3.3 §C.11.1, §C.11.2, §C.11.4): read from metadata, and worked out for whatever draws. The node
 * renders by the same rules.
 */
import { Unreachable } from '../../api/problem';
import { fromBase64, items, number, numbers, text, type Instance } from './dicomJson';
import { entries, type FetchBytes } from './palette';
import { rangeOf, type Window } from './presets';

const lutDescriptor = '00283002';
const lutData = '00283006';
const lutExplanation = '00283003';
const modalityLuts = '00283000';
const voiLuts = '00283010';
const presentationLuts = '20500010';
const softcopyVois = '00283110';

/** A Modality, VOI or Presentation LUT. */
export interface Table {
  /** The value that the first entry stands for; values beside the table take its first or last entry. */
  first: number;
  /** At least one. */
  entries: Uint16Array;
  /** Of an entry, 8 to 16. */
  bits: number;
  /** LUT Explanation. */
  label: string;
}

/** A window with VOI LUT Function SIGMOID (PS3.3 §C.11.2.1.3.1). */
export interface Sigmoid {
  sigmoid: Window;
}

/** What makes greys of values of interest. */
export type Voi = Window | Sigmoid | Table;

export const isTable = (voi: Voi | null | undefined): voi is Table => voi !== null && voi !== undefined && 'entries' in voi;

export interface Range {
  lower: number;
  upper: number;
}

/** How many entries a descriptor announces; 0 stands for 2^16, which its own 16 bits cannot hold. */
function countOf(item: Instance): number | null {
  const [count] = numbers(item, lutDescriptor);
  if (count === undefined || !Number.isInteger(count)) return null;
  return count <= 0 ? count + 65_536 : count;
}

const tables = new WeakMap<Instance, Table | null>();

/** An item of a sequence of tables; `null` where it is damaged, or its data have not been spelled out. */
export function tableOf(item: Instance): Table | null {
  const known = tables.get(item);
  if (known !== undefined) return known;
  const table = readTable(item);
  tables.set(item, table);
  return table;
}

function readTable(item: Instance): Table | null {
  const [count, [, first, bits], data] = [countOf(item), numbers(item, lutDescriptor), numbers(item, lutData)];
  if (count === null || first === undefined || bits === undefined || bits < 8 || bits > 16 || data.length < count) return null;
  return { first, entries: Uint16Array.from(data.slice(0, count)), bits, label: text(item, lutExplanation) };
}

async function spelled(item: Instance, fetchBytes: FetchBytes): Promise<Instance> {
  const [element, count] = [item[lutData], countOf(item)];
  if (element === undefined || element.Value !== undefined || count === null) return item;
  const { InlineBinary: inline, BulkDataURI: address } = element;
  const bytes = inline !== undefined ? fromBase64(inline) : address !== undefined ? await fetchBytes(address) : null;
  return bytes === null ? item : { ...item, [lutData]: { vr: 'OW', Value: entries(bytes, count) } };
}

/**
 * A data set, or an item, with the data of its tables as plain numbers. One that the server does not have stays as it is.
 * @throws Unreachable
 */
export async function withTables(of: Instance, fetchBytes: FetchBytes): Promise<Instance> {
  const made: Instance = { ...of };
  for (const tag of [modalityLuts, voiLuts, presentationLuts]) {
    if (items(of, tag).length === 0) continue;
    const all = items(of, tag).map((item) =>
      spelled(item, fetchBytes).catch((error: unknown) => {
        if (error instanceof Unreachable) throw error;
        return item;
      }),
    );
    made[tag] = { vr: 'SQ', Value: await Promise.all(all) };
  }
  if (items(of, softcopyVois).length > 0) {
    made[softcopyVois] = { vr: 'SQ', Value: await Promise.all(items(of, softcopyVois).map((item) => withTables(item, fetchBytes))) };
  }
  return made;
}

/** A table that is not there, and one that is and cannot be read. */
export type Found = { table: Table | null; isDamaged: boolean };

function found(sequence: readonly Instance[]): Found {
  const [item] = sequence;
  const table = item === undefined ? null : tableOf(item);
  return { table, isDamaged: item !== undefined && table === null };
}

export const modalityTableOf = (of: Instance): Found => found(items(of, modalityLuts));
export const presentationTableOf = (of: Instance): Found => found(items(of, presentationLuts));
export const voiTableOf = (of: Instance): Found => found(items(of, voiLuts));

/** The window of an item; `null` where it has none. */
function windowIn(of: Instance): Window | null {
  const [center, width] = [number(of, '00281050'), number(of, '00281051')];
  return center !== null && width !== null && width > 0 ? { center, width } : null;
}

const isSigmoid = (of: Instance): boolean => text(of, '00281056') === 'SIGMOID';

/** What an item of the Softcopy VOI LUT Sequence says: a window counts before a table. */
export function voiIn(of: Instance): Voi | null {
  const window = windowIn(of);
  if (window === null) return voiTableOf(of).table;
  return isSigmoid(of) ? { sigmoid: window } : window;
}

/** Where a frame's windows and tables are: in its own functional group, in the shared one, or in the image. */
function voiMacro(image: Instance, frame: number): Instance {
  const groups = [(image['52009230']?.Value?.[frame - 1] ?? {}) as Instance, items(image, '52009229')[0]];
  return groups.flatMap((group) => items(group, '00289132').slice(0, 1))[0] ?? image;
}

/** What the tables of an image are called, in their order; one without a name is called by its number. */
export function tableLabels(image: Instance, frame: number): string[] {
  return items(voiMacro(image, frame), voiLuts).map((item, at) => text(item, lutExplanation) || String(at + 1));
}

/** What an image says of its greys. */
export interface Greys {
  /** From stored values to the values of everything that follows. */
  modality: Table | null;
  /** In their order; `null` for one that is damaged. */
  tables: readonly (Table | null)[];
  /** Which counts before a table. */
  hasWindow: boolean;
  /** Its windows are no straight lines. */
  isSigmoid: boolean;
  isExact: boolean;
  /** Some table cannot be read. */
  isDamaged: boolean;
}

/** Modality LUTs of these are for measuring densities, not for the display (PS3.4 §N.2.1.1). */
const angiography = ['1.2.840.10008.5.1.4.1.1.12.1', '1.2.840.10008.5.1.4.1.1.12.1.1', '1.2.840.10008.5.1.4.1.1.12.2', '1.2.840.10008.5.1.4.1.1.12.2.1'];

/** An image whose values may be negative, and a first value that was read as if they could not. */
function signed(table: Table | null, image: Instance): Table | null {
  return table !== null && table.first > 32_767 && number(image, '00280103') === 1 ? { ...table, first: table.first - 65_536 } : table;
}

/** @throws Unreachable */
export async function greysOf(image: Instance, frame: number, fetchBytes: FetchBytes): Promise<Greys> {
  const isForDisplay = !angiography.includes(text(image, '00080016'));
  const modality = isForDisplay ? modalityTableOf(await withTables({ [modalityLuts]: image[modalityLuts] }, fetchBytes)) : { table: null, isDamaged: false };
  const macro = await withTables(voiMacro(image, frame), fetchBytes);
  const all = items(macro, voiLuts).map((item, at) => {
    const table = tableOf(item);
    return signed(table === null ? null : { ...table, label: table.label || String(at + 1) }, image);
  });
  return {
    modality: signed(modality.table, image),
    tables: all,
    hasWindow: windowIn(macro) !== null,
    isSigmoid: isSigmoid(macro),
    isExact: text(macro, '00281056') === 'LINEAR_EXACT',
    isDamaged: modality.isDamaged || all.includes(null),
  };
}

/** Whether an image says anything of its greys beyond a straight window. */
export const hasGreys = (image: Instance): boolean => [modalityLuts, voiLuts, '00281056', '52009229', '52009230'].some((tag) => image[tag] !== undefined);

/** Whether the lowest value is white: Presentation LUT Shape, where there is one, else the photometric interpretation. */
export function isLowWhite(image: Instance | undefined): boolean {
  if (image === undefined) return false;
  const shape = text(image, '20500020');
  const photometric = text(image, '00280004');
  return photometric.startsWith('MONOCHROME') && (shape === 'IDENTITY' || shape === 'INVERSE' ? shape === 'INVERSE' : photometric === 'MONOCHROME1');
}

export const sameTable = (a: Table, b: Table): boolean =>
  a.first === b.first && a.bits === b.bits && a.entries.length === b.entries.length && a.entries.every((entry, at) => entry === b.entries[at]);

/** The entry for a value. */
export function entryOf({ first, entries: all }: Table, value: number): number {
  return all[Math.min(Math.max(Math.round(value) - first, 0), all.length - 1)] ?? 0;
}

/** The same as a share of what its bits can hold. */
const shareOf = (table: Table, value: number): number => Math.min(1, entryOf(table, value) / (2 ** table.bits - 1));

/** From a value to a share of white: window, curve or table, and then the table of a presentation. */
export function shadeOf(voi: Voi, presentation: Table | null): (value: number) => number {
  const of = shareOfVoi(voi);
  if (presentation === null) return of;
  const last = presentation.entries.length - 1;
  // Its input is the whole output of what comes before (PS3.3 §C.11.4).
  return (value) => shareOf(presentation, presentation.first + Math.round(of(value) * last));
}

function shareOfVoi(voi: Voi): (value: number) => number {
  if (isTable(voi)) return (value) => shareOf(voi, value);
  if ('sigmoid' in voi) return (value) => 1 / (1 + Math.exp((-4 * (value - voi.sigmoid.center)) / voi.sigmoid.width));
  const { lower, upper } = rangeOf(voi);
  return (value) => (upper > lower ? Math.min(Math.max((value - lower) / (upper - lower), 0), 1) : value > lower ? 1 : 0);
}

/** Where something happens: beyond, a table has only its first and last entry. The window that the reader begins with. */
export function usefulRange(voi: Voi): Range {
  if ('sigmoid' in voi) return rangeOf(voi.sigmoid);
  if (!isTable(voi)) return rangeOf(voi);
  const { first, entries: all } = voi;
  const last = all.length - 1;
  let [from, to] = [0, last];
  while (from < last && all[from + 1] === all[0]) from += 1;
  while (to > from && all[to - 1] === all[last]) to -= 1;
  // One value alone is no window.
  return { lower: first + from, upper: first + Math.max(to, from + 1) };
}

/** A curve for what draws by a texture: shares of white in the middle of equal steps between two values. */
export interface Curve extends Range {
  shades: Float64Array;
}

/** No graphics card has narrower textures. */
const stepsMax = 4096;
/** Of what is no table: between them it is drawn straight. */
const stepsUsual = 1024;

/** A step for each value of a table that is not too long, so that each has exactly its grey. */
export function curveOf(voi: Voi, presentation: Table | null): Curve {
  const shade = shadeOf(voi, presentation);
  const useful = usefulRange(voi);
  // A sigmoid is within half a grey of its ends at twice its width.
  const margin = isTable(voi) ? 0.5 : 'sigmoid' in voi ? voi.sigmoid.width * 1.5 : 0;
  const [lower, upper] = [useful.lower - margin, useful.upper + margin];
  const steps = isTable(voi) ? Math.min(upper - lower, stepsMax) : stepsUsual;
  return { lower, upper, shades: Float64Array.from({ length: steps }, (_, at) => shade(lower + ((at + 0.5) / steps) * (upper - lower))) };
}

/** A grey of 8 bits for each whole value between two. */
export function greysBetween(voi: Voi, presentation: Table | null, min: number, max: number): number[] {
  const shade = shadeOf(voi, presentation);
  return Array.from({ length: max - min + 1 }, (_, at) => Math.round(255 * shade(min + at)));
}
