/** A short word about a thing. */
import type { ReactNode } from 'react';
import classes from './chips.module.css';

export function Chip({ tone = 'quiet', children }: { tone?: 'quiet' | 'active' | 'done' | 'alarm'; children: ReactNode }) {
  return (
    <span className={classes.chip} data-tone={tone}>
      {children}
    </span>
  );
}
