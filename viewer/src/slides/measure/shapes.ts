/** What can be measured on a slide, in pixels of level 0, and how large it is. Pure geometry. */
import type { Point } from '../stage/geometry';

export const shapeKinds = ['distance', 'angle', 'area', 'circle'] as const;
export type ShapeKind = (typeof shapeKinds)[number];

export interface Shape {
  id: number;
  kind: ShapeKind;
  /** Ends of a distance; arm, vertex, arm of an angle; corners of an area; the centre of a circle. */
  points: Point[];
}

/** Micrometres per pixel; pixels need not be square. */
export type PixelSize = { x: number; y: number } | null;

/** How many points a shape has when it is whole; an area ends when somebody says so. */
export const pointsNeeded: Record<ShapeKind, number> = { distance: 2, angle: 3, area: Infinity, circle: 1 };

/** The area in which mitoses are counted. */
export const mitosisArea_um2 = 1_000_000;

/** Half axes, in slide pixels, of the circle of 1 mm²: an ellipse where pixels are not square. */
export function mitosisRadii_px(mpp_um: { x: number; y: number }): { x: number; y: number } {
  const radius_um = Math.sqrt(mitosisArea_um2 / Math.PI);
  return { x: radius_um / mpp_um.x, y: radius_um / mpp_um.y };
}

export type Measure =
  | { unit: 'um' | 'px' | 'deg'; value: number }
  | { unit: 'um2' | 'px2'; value: number; around: { unit: 'um' | 'px'; value: number } | null };

function scaled(points: readonly Point[], size: PixelSize): Point[] {
  return size === null ? [...points] : points.map(({ x, y }) => ({ x: x * size.x, y: y * size.y }));
}

function length(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** The angle at `vertex`, 0 to 180 degrees. */
function angle_deg(a: Point, vertex: Point, b: Point): number {
  const turn = Math.atan2(b.y - vertex.y, b.x - vertex.x) - Math.atan2(a.y - vertex.y, a.x - vertex.x);
  const whole = Math.abs((turn * 180) / Math.PI);
  return whole > 180 ? 360 - whole : whole;
}

function polygon(points: readonly Point[]): { area: number; around: number } {
  return points.reduce(
    (sum, point, index) => {
      const next = points[(index + 1) % points.length] ?? point;
      return { area: sum.area + point.x * next.y - next.x * point.y, around: sum.around + length(point, next) };
    },
    { area: 0, around: 0 },
  );
}

/** Size of a shape in micrometres, or in pixels where the scanner gave no size; `null` while points are missing. */
export function measure({ kind, points }: Pick<Shape, 'kind' | 'points'>, size: PixelSize): Measure | null {
  const at = scaled(points, size);
  const unit = size === null ? 'px' : 'um';
  const [first, second, third] = at;
  switch (kind) {
    case 'distance':
      return first === undefined || second === undefined ? null : { unit, value: length(first, second) };
    case 'angle':
      return first === undefined || second === undefined || third === undefined ? null : { unit: 'deg', value: angle_deg(first, second, third) };
    case 'area': {
      if (at.length < 3) return null;
      const { area, around } = polygon(at);
      return { unit: size === null ? 'px2' : 'um2', value: Math.abs(area) / 2, around: { unit, value: around } };
    }
    case 'circle':
      return size === null ? null : { unit: 'um2', value: mitosisArea_um2, around: null };
  }
}

/** Too small to have been meant. */
export function isEmpty(shape: Pick<Shape, 'kind' | 'points'>, zoom: number): boolean {
  const [first, second] = shape.points;
  return shape.kind === 'distance' && first !== undefined && second !== undefined && length(first, second) * zoom < 3;
}
