/** The whole stage as something to draw on. */
import { useLayoutEffect, useRef, useState, type PointerEvent } from 'react';
import { flushSync } from 'react-dom';
import { Fingers, type FingerAct } from './fingers';
import type { Point } from './geometry';
import classes from './Layer.module.css';
import { usePane } from './pane';

interface SurfaceProps {
  /** Places are in pixels of level 0. */
  onPress: (at: Point) => void;
  onMove: (at: Point) => void;
  onRelease: (at: Point) => void;
  /** What the last press began was not meant: a second finger has come, to move the slide. */
  onCancel: () => void;
  onDoubleClick?: (at: Point) => void;
}

/** Goes inside a layer in screen pixels. A press keeps the pointer; wheels and two fingers still move the slide. */
export function Surface(props: SurfaceProps) {
  const { stage } = usePane();
  const latest = useRef(props);
  useLayoutEffect(() => {
    latest.current = props;
  });
  const [fingers] = useState(() => new Fingers());

  const act = (one: FingerAct) => {
    switch (one.kind) {
      case 'press':
        return latest.current.onPress(stage.toSlide(one.at));
      case 'move':
        return latest.current.onMove(stage.toSlide(one.at));
      case 'release':
        return latest.current.onRelease(stage.toSlide(one.at));
      case 'cancel':
        return latest.current.onCancel();
      case 'pinch':
        return stage.pinch(one.from, one.to);
    }
  };
  /** Acts may come together, and each depends on what the one before has left. */
  const touched = (acts: FingerAct[]) => acts.forEach((one) => flushSync(() => act(one)));
  const on = (event: { clientX: number; clientY: number }) => pointOn(stage.element, event, (point) => point);
  const isTouch = (event: PointerEvent) => event.pointerType === 'touch';

  return (
    <rect
      className={classes.surface}
      width="100%"
      height="100%"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        if (isTouch(event)) touched(fingers.put(event.pointerId, on(event)));
        else act({ kind: 'press', at: on(event) });
      }}
      onPointerMove={(event) => {
        if (isTouch(event)) touched(fingers.move(event.pointerId, on(event)));
        else act({ kind: 'move', at: on(event) });
      }}
      onPointerUp={(event) => {
        if (isTouch(event)) touched(fingers.lift(event.pointerId, on(event)));
        else if (event.button === 0) act({ kind: 'release', at: on(event) });
      }}
      onPointerCancel={(event) => {
        if (isTouch(event)) touched(fingers.lose(event.pointerId));
        else act({ kind: 'cancel' });
      }}
      onDoubleClick={(event) => props.onDoubleClick?.(stage.toSlide(on(event)))}
      onWheel={(event) => stage.wheel(event)}
    />
  );
}

/** Where a pointer is on the slide. */
export function pointOn(element: Element, event: { clientX: number; clientY: number }, toSlide: (point: Point) => Point): Point {
  const box = element.getBoundingClientRect();
  return toSlide({ x: event.clientX - box.left, y: event.clientY - box.top });
}
