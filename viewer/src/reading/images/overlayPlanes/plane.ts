/** Overlay planes (PS3.3 §C.9.2) as a data set describes them, an image's own or a presentation state's: bits that lie over an image. */
import { isTurnedUpright, number, numbers, tags, text, type Instance } from '../dicomJson';

/** Why a plane cannot be drawn: no size, or one beyond all bounds; no bits; bits of pixels that the image needs itself; a photograph that was turned. */
export type Unfit = 'size' | 'data' | 'pixels' | 'turned';

/** Where its bits are. */
export type Place =
  | { in: 'metadata'; base64: string }
  | { in: 'bulk'; address: string }
  /** In this bit of each pixel of the image, above or below the stored ones: as images were made before 2004. */
  | { in: 'pixels'; bit: number; bytesPerPixel: number };

export interface OverlayPlane {
  /** SOP Instance UID and group: no other has the same. */
  key: string;
  /** 6000 to 601E. */
  group: string;
  rows: number;
  columns: number;
  /** Row and column of the image where it begins, counted from 1; it may begin outside. */
  origin: readonly [row: number, column: number];
  /** The first frame of the image that it lies over, counted from 1, and over how many; `null` for all of them. */
  frames: { first: number; count: number } | null;
  kind: 'graphics' | 'region';
  label: string;
  description: string;
  /** What whoever made a region says of it: pixels, and in the image's values. */
  region: { area: number | null; mean: number | null; deviation: number | null };
  place: Place | Unfit;
}

/** Of one frame, packed; the node stops there, too. */
const frameBytesMax = 8 * 1024 * 1024;

const groups: readonly string[] = Array.from({ length: 16 }, (_, at) => (0x6000 + at * 2).toString(16).toUpperCase());

export const isUnfit = (place: OverlayPlane['place']): place is Unfit => typeof place === 'string';

/** The bit may be none that holds the image's own values (PS3.5 §8.1.2). */
function placeInPixels(of: Instance, bit: number | null): Place | Unfit {
  const [allocated, stored] = [number(of, '00280100') ?? 0, number(of, '00280101') ?? 0];
  const high = number(of, '00280102') ?? stored - 1;
  const isOutside = bit !== null && Number.isInteger(bit) && bit >= 0 && bit < allocated && (bit > high || bit <= high - stored);
  if (!isOutside || ![8, 16, 32].includes(allocated) || (number(of, '00280002') ?? 1) !== 1) return 'pixels';
  const pixels = (number(of, tags.rows) ?? 0) * (number(of, tags.columns) ?? 0);
  return pixels > 0 && pixels <= frameBytesMax * 8 ? { in: 'pixels', bit, bytesPerPixel: allocated / 8 } : 'size';
}

function placeOf(of: Instance, group: string, rows: number, columns: number): Place | Unfit {
  const data = of[`${group}3000`];
  const isEmpty = data?.InlineBinary === undefined && data?.BulkDataURI === undefined;
  if (isEmpty && (number(of, `${group}0100`) ?? 1) > 1) return placeInPixels(of, number(of, `${group}0102`));
  const isSized = Number.isInteger(rows) && Number.isInteger(columns) && rows > 0 && columns > 0;
  if (!isSized || rows * columns > frameBytesMax * 8) return 'size';
  if (data?.InlineBinary !== undefined) return { in: 'metadata', base64: data.InlineBinary };
  return data?.BulkDataURI === undefined ? 'data' : { in: 'bulk', address: data.BulkDataURI };
}

function planeOf(of: Instance, group: string): OverlayPlane | null {
  const tag = (element: string) => `${group}${element}`;
  const isThere = [tag('0010'), tag('0011'), tag('3000')].some((one) => of[one] !== undefined);
  if (!isThere) return null;
  const place = placeOf(of, group, number(of, tag('0010')) ?? 0, number(of, tag('0011')) ?? 0);
  const isInPixels = !isUnfit(place) && place.in === 'pixels';
  const [row = 1, column = 1] = numbers(of, tag('0050'));
  const count = number(of, tag('0015'));
  return {
    key: `${text(of, tags.sopInstanceUid)}/${group}`,
    group,
    // What is in the pixels lies where they are.
    rows: number(of, isInPixels ? tags.rows : tag('0010')) ?? 0,
    columns: number(of, isInPixels ? tags.columns : tag('0011')) ?? 0,
    origin: isInPixels ? [1, 1] : [Math.trunc(row), Math.trunc(column)],
    frames: count === null || isInPixels ? null : { first: number(of, tag('0051')) ?? 1, count },
    kind: text(of, tag('0040')) === 'R' ? 'region' : 'graphics',
    label: text(of, tag('1500')),
    description: text(of, tag('0022')),
    region: { area: number(of, tag('1301')), mean: number(of, tag('1302')), deviation: number(of, tag('1303')) },
    // The browser turns such a photograph when it decodes it; its planes do not turn with it.
    place: isTurnedUpright(of) ? 'turned' : place,
  };
}

const known = new WeakMap<Instance, readonly OverlayPlane[]>();

export function planesOf(of: Instance): readonly OverlayPlane[] {
  const planes = known.get(of) ?? groups.flatMap((group) => planeOf(of, group) ?? []);
  known.set(of, planes);
  return planes;
}

/** What a presentation state says of overlay planes (PS3.3 §C.11.7): groups that it activates, with its own bits for some of them. */
export interface Activated {
  groups: readonly string[];
  own: readonly OverlayPlane[];
}

const activated = new WeakMap<Instance, Activated>();

export function activatedBy(state: Instance): Activated {
  const found = activated.get(state);
  if (found !== undefined) return found;
  const active = groups.filter((group) => text(state, `${group}1001`) !== '');
  const made = { groups: active, own: planesOf(state).filter(({ group }) => active.includes(group)) };
  activated.set(state, made);
  return made;
}
