/** Display Shutters (PS3.3 §C.7.6.11) as areas of an image that are covered; columns and rows are counted from 1 there, edges from 0 here. */
import { cssOf, fromLab } from '../colours';
import { number, numbers, type Instance } from '../dicomJson';

type Point = readonly [x: number, y: number];

export type Shutter =
  | { kind: 'rectangle'; left: number; top: number; right: number; bottom: number }
  | { kind: 'circle'; centre: Point; radius: number }
  | { kind: 'polygon'; points: readonly Point[] };

export interface Shutters {
  shapes: readonly Shutter[];
  /** A CSS colour. */
  colour: string;
  /** One of a bitmap is there, and is not closed. */
  lacksBitmap: boolean;
}

const verticesMax = 10_000;

function shutterOf(state: Instance, shape: string): Shutter | null {
  const edge = (tag: string) => number(state, tag);
  if (shape === 'RECTANGULAR') {
    const [left, right, top, bottom] = [edge('00181602'), edge('00181604'), edge('00181606'), edge('00181608')];
    // The pixels that it names are seen.
    return left === null || right === null || top === null || bottom === null ? null : { kind: 'rectangle', left: left - 1, top: top - 1, right, bottom };
  }
  if (shape === 'CIRCULAR') {
    const [row, column] = numbers(state, '00181610');
    const radius = edge('00181612');
    return row === undefined || column === undefined || radius === null || radius < 0 ? null : { kind: 'circle', centre: [column - 0.5, row - 0.5], radius };
  }
  if (shape !== 'POLYGONAL') return null;
  const vertices = numbers(state, '00181620');
  const points = Array.from({ length: Math.min(Math.floor(vertices.length / 2), verticesMax) }, (_, at): Point => [(vertices[at * 2 + 1] ?? 0) - 0.5, (vertices[at * 2] ?? 0) - 0.5]);
  return points.length < 3 ? null : { kind: 'polygon', points };
}

export function shuttersOf(state: Instance): Shutters {
  const shapes = (state['00181600']?.Value ?? []).slice(0, 4).map(String);
  const shade = Math.min(Math.max(number(state, '00181622') ?? 0, 0), 0xffff) >> 8;
  return {
    shapes: shapes.flatMap((shape) => shutterOf(state, shape) ?? []),
    colour: cssOf(fromLab(numbers(state, '00181624')) ?? [shade, shade, shade]),
    lacksBitmap: shapes.includes('BITMAP'),
  };
}

/** What a shutter hides of an image, as an SVG path to be filled by the even-odd rule. */
export function hidden(shutter: Shutter, columns: number, rows: number): string {
  const image = `M0 0H${columns}V${rows}H0Z`;
  const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  switch (shutter.kind) {
    case 'rectangle': {
      const [left, right] = [clamp(shutter.left, columns), clamp(shutter.right, columns)];
      const [top, bottom] = [clamp(shutter.top, rows), clamp(shutter.bottom, rows)];
      return right <= left || bottom <= top ? image : `${image}M${left} ${top}H${right}V${bottom}H${left}Z`;
    }
    case 'circle': {
      const { centre, radius } = shutter;
      const arc = `a${radius} ${radius} 0 1 0`;
      return radius === 0 ? image : `${image}M${centre[0] - radius} ${centre[1]}${arc} ${2 * radius} 0${arc} ${-2 * radius} 0Z`;
    }
    case 'polygon':
      return `${image}M${shutter.points.map((point) => point.join(' ')).join('L')}Z`;
  }
}
