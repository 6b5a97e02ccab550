/** A button of the slide's toolbar. */
import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Toolbar.module.css';

interface Props {
  /** What it does: the name for whoever cannot see a symbol, and the tip for whoever can. */
  name: string;
  /** What there is to say beyond the name. */
  tip?: string | undefined;
  /** Its key, shown in the tip. */
  press?: string;
  pressed?: boolean;
  disabled?: boolean;
  mark?: 'native' | 'beyond' | undefined;
  onClick: () => void;
  children: ReactNode;
}

export function Tool({ name, tip = name, press, pressed, disabled, mark, onClick, children }: Props) {
  return (
    <Tooltip label={press === undefined ? tip : `${tip} · ${press}`} openDelay={400} events={{ hover: true, focus: false, touch: false }}>
      <button type="button" className={classes.tool} aria-label={name} aria-pressed={pressed} disabled={disabled} data-mark={mark} onClick={onClick}>
        {children}
      </button>
    </Tooltip>
  );
}
