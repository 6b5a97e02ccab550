/** Where a slide's pixels are on the screen. Pure geometry; screen positions count CSS pixels from the stage's top left. */

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/**
 * What is seen of a slide, independent of the size of the screen: it goes into addresses and bookmarks. First the slide
 * is turned about the centre, then, if mirrored, left and right of the screen are swapped.
 */
export interface FieldOfView {
  /** The point in the middle of the stage, in pixels of level 0. */
  x: number;
  y: number;
  /** Screen pixels per pixel of level 0. */
  zoom: number;
  /** Clockwise, 0 ≤ rotation_deg < 360. */
  rotation_deg: number;
  mirrored: boolean;
}

/** `[a b c d e f]` as in SVG's `matrix()`: x' = ax + cy + e, y' = bx + dy + f. */
export type Matrix = readonly [number, number, number, number, number, number];

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** The same direction within one turn. */
export function normalDegrees(degrees: number): number {
  const rest = degrees % 360;
  return rest < 0 ? rest + 360 : rest;
}

/** The same field of view, when level 0 has so many times as many pixels across as before. */
export function onLargerLevel(view: FieldOfView | null, times: number): FieldOfView | null {
  return view === null ? null : { ...view, x: view.x * times, y: view.y * times, zoom: view.zoom / times };
}

/** From slide pixels to the screen. */
export function toScreenMatrix(view: FieldOfView, stage: Size): Matrix {
  const cos = Math.cos(radians(view.rotation_deg)) * view.zoom;
  const sin = Math.sin(radians(view.rotation_deg)) * view.zoom;
  const side = view.mirrored ? -1 : 1;
  return [
    side * cos,
    sin,
    side * -sin,
    cos,
    stage.width / 2 - side * (cos * view.x - sin * view.y),
    stage.height / 2 - (sin * view.x + cos * view.y),
  ];
}

export function apply([a, b, c, d, e, f]: Matrix, { x, y }: Point): Point {
  return { x: a * x + c * y + e, y: b * x + d * y + f };
}

export function inverse([a, b, c, d, e, f]: Matrix): Matrix {
  const determinant = a * d - b * c;
  return [
    d / determinant,
    -b / determinant,
    -c / determinant,
    a / determinant,
    (c * f - d * e) / determinant,
    (b * e - a * f) / determinant,
  ];
}

export function toScreen(view: FieldOfView, stage: Size, point: Point): Point {
  return apply(toScreenMatrix(view, stage), point);
}

export function toSlide(view: FieldOfView, stage: Size, point: Point): Point {
  return apply(inverse(toScreenMatrix(view, stage)), point);
}

/** A way on the screen as a way on the slide. */
export function slideVector(view: FieldOfView, way: Point): Point {
  const [a, b, c, d] = inverse(toScreenMatrix(view, { width: 0, height: 0 }));
  return { x: a * way.x + c * way.y, y: b * way.x + d * way.y };
}

/** The four corners of what is seen, in slide pixels, clockwise on the screen from its top left. */
export function corners(view: FieldOfView, stage: Size): Point[] {
  const { width, height } = stage;
  return [
    { x: 0, y: 0 },
    { x: width, y: 0 },
    { x: width, y: height },
    { x: 0, y: height },
  ].map((corner) => toSlide(view, stage, corner));
}
