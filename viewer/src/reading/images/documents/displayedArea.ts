/** Displayed Area (PS3.3 §C.10.4): the part of an image that whoever made a presentation state had on the screen. */
import { number, numbers, text, type Instance } from '../dicomJson';
import { onScreen, type Affine } from './affine';

export interface DisplayedArea {
  /** Edges in pixels, those of the image being 0 and its columns or rows; also beyond it. */
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Pixels of the display for one of the image's; `null`: as large as there is room. */
  magnification: number | null;
  /** It asks for the patient's own size, which a browser does not know the display's pixels for. */
  isTrueSize: boolean;
}

/** As far beyond an image as the node's own pictures go. */
const beyondMax = 4096;

/** Either corner may be the lesser one: they are named as they are seen after turning. */
export function displayedAreaOf(item: Instance, columns: number, rows: number): DisplayedArea | null {
  const [firstColumn, firstRow] = numbers(item, '00700052');
  const [lastColumn, lastRow] = numbers(item, '00700053');
  if (firstColumn === undefined || firstRow === undefined || lastColumn === undefined || lastRow === undefined) return null;
  const within = (value: number, most: number) => Math.min(Math.max(value, 1 - beyondMax), most + beyondMax);
  const [a, b] = [within(firstColumn, columns), within(lastColumn, columns)];
  const [c, d] = [within(firstRow, rows), within(lastRow, rows)];
  const mode = text(item, '00700100');
  const ratio = mode === 'MAGNIFY' ? number(item, '00700103') : null;
  return {
    left: Math.min(a, b) - 1,
    top: Math.min(c, d) - 1,
    right: Math.max(a, b),
    bottom: Math.max(c, d),
    magnification: ratio !== null && ratio > 0 ? ratio : null,
    isTrueSize: mode === 'TRUE SIZE',
  };
}

/** How much larger the image has to be drawn; `ratio`: the display's pixels for one of the page. */
export function zoomFor(area: DisplayedArea, affine: Affine, [width, height]: readonly [number, number], ratio: number): number {
  if (area.magnification !== null) return area.magnification / ratio / Math.hypot(affine[0], affine[1]);
  const corners = [
    [area.left, area.top],
    [area.right, area.top],
    [area.left, area.bottom],
    [area.right, area.bottom],
  ].map(([x, y]) => onScreen(affine, [x ?? 0, y ?? 0]));
  const span = (axis: 0 | 1) => Math.max(...corners.map((one) => one[axis])) - Math.min(...corners.map((one) => one[axis]));
  return Math.min(width / span(0), height / span(1));
}
