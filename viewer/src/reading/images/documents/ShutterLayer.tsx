/** What the shutters of a presentation state hide of an image, covered; the pixels beneath stay as they are. */
import classes from '../Images.module.css';
import type { Affine } from './affine';
import { hidden, type Shutters } from './shutters';

export function ShutterLayer({ shutters, affine, columns, rows }: { shutters: Shutters; affine: Affine; columns: number; rows: number }) {
  return (
    <svg className={classes.shutters} aria-hidden data-testid="shutters">
      <g transform={`matrix(${affine.join(' ')})`} fill={shutters.colour} fillRule="evenodd">
        {shutters.shapes.map((shutter, index) => (
          <path key={index} d={hidden(shutter, columns, rows)} />
        ))}
      </g>
    </svg>
  );
}
