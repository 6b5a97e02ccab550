/** A button of the slide's toolbar. */
import { Tooltip } from '@mantine/core';
import type { ComponentProps } from 'react';
import classes from './Toolbar.module.css';

interface Props extends Omit<ComponentProps<'button'>, 'name'> {
  /** What it does: the name for whoever cannot see a symbol, and the tip for whoever can. */
  name: string;
  /** What there is to say beyond the name. */
  tip?: string | undefined;
  /** Its key, shown in the tip. */
  press?: string | undefined;
  pressed?: boolean | undefined;
  mark?: 'native' | 'beyond' | undefined;
}

export function Tool({ name, tip = name, press, pressed, mark, ...button }: Props) {
  return (
    <Tooltip label={press === undefined ? tip : `${tip} · ${press}`} openDelay={400} events={{ hover: true, focus: false, touch: false }}>
      <button type="button" {...button} className={classes.tool} aria-label={name} aria-pressed={pressed} data-mark={mark} />
    </Tooltip>
  );
}
