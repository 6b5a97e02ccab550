/** The bar over a case, study or slide: who it is on the left, what can be done on the right. */
import type { ReactNode } from 'react';
import classes from './PageBar.module.css';

export function PageBar({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <div className={classes.bar}>
      <div className={classes.facts}>{children}</div>
      <div className={classes.actions}>{actions}</div>
    </div>
  );
}
