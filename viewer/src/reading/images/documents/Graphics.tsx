/** Graphic annotations of a presentation state over the image. */
import classes from '../Images.module.css';
import type { Graphic } from './presentation';

/** From the image's pixels to the screen's: a, b, c, d, e, f as in CSS. */
export type Affine = readonly [number, number, number, number, number, number];

export function onScreen([a, b, c, d, e, f]: Affine, [x, y]: readonly [number, number]): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}

export function Graphics({ graphics, affine }: { graphics: readonly Graphic[]; affine: Affine }) {
  return (
    <svg className={classes.graphics} aria-hidden>
      {graphics.map((one, index) => {
        const points = one.points.map((point) => onScreen(affine, point));
        const [first, second] = points;
        if (first === undefined) return null;
        if (one.kind === 'text') {
          return (
            <text key={index} x={first[0]} y={first[1]}>
              {one.text}
            </text>
          );
        }
        if (one.kind === 'point') return <circle key={index} cx={first[0]} cy={first[1]} r={3} />;
        if (one.kind === 'circle' && second !== undefined) {
          return <circle key={index} cx={first[0]} cy={first[1]} r={Math.hypot(second[0] - first[0], second[1] - first[1])} />;
        }
        const list = points.map((point) => point.join(',')).join(' ');
        return one.isClosed ? <polygon key={index} points={list} /> : <polyline key={index} points={list} />;
      })}
    </svg>
  );
}
