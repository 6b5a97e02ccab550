/** Graphic annotations of a presentation state over the image. */
import classes from '../Images.module.css';
import { onScreen, type Affine } from './affine';
import type { Graphic } from './presentation';

export function Graphics({ graphics, affine }: { graphics: readonly Graphic[]; affine: Affine }) {
  return (
    <svg className={classes.graphics} aria-hidden>
      {graphics.map((one, index) => {
        const points = one.points.map((point) => onScreen(affine, point));
        const [first, second] = points;
        if (first === undefined) return null;
        if (one.kind === 'text') {
          return (
            <text key={index} y={first[1]}>
              {one.text.split('\n').map((line, at) => (
                <tspan key={at} x={first[0]} dy={at === 0 ? '0.9em' : '1.3em'}>
                  {line}
                </tspan>
              ))}
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
