/** Two panes with a divider that is dragged, moved by arrow keys, and remembered. */
import { useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';
import classes from './Split.module.css';
import { useStored } from './useStored';

interface Props {
  storageKey: string;
  label: string;
  /** Width of the right pane in CSS pixels: at first, at least, and what must remain for the left one. */
  initial: number;
  min: number;
  minLeft: number;
  /** The left pane has all the room, and the right one waits out of sight. */
  leftOnly?: boolean;
  left: ReactNode;
  right: ReactNode;
}

const keyStep = 24;

export function Split({ storageKey, label, initial, min, minLeft, leftOnly = false, left, right }: Props) {
  const [width, setWidth] = useStored(storageKey, initial);
  const frame = useRef<HTMLDivElement>(null);

  const resize = (next: number) => {
    const room = frame.current?.clientWidth ?? window.innerWidth;
    setWidth(Math.round(Math.max(min, Math.min(next, room - minLeft))));
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const edge = frame.current?.getBoundingClientRect().right ?? window.innerWidth;
    resize(edge - event.clientX);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowLeft') resize(width + keyStep);
    else if (event.key === 'ArrowRight') resize(width - keyStep);
    else return;
    event.preventDefault();
  };

  return (
    <div className={classes.split} ref={frame}>
      <div className={classes.left}>{left}</div>
      <div
        hidden={leftOnly}
        className={classes.divider}
        role="separator"
        aria-orientation="vertical"
        aria-label={label}
        aria-valuenow={width}
        tabIndex={0}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
        onKeyDown={onKeyDown}
      />
      <div className={classes.right} style={{ width }} hidden={leftOnly}>
        {!leftOnly && right}
      </div>
    </div>
  );
}
