/** Drawing over a slide, in its own pixels or in those of the screen, and catching the pointer there. */
import { createContext, useContext, useLayoutEffect, useState, type PointerEvent as ReactPointerEvent, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import type { Point } from './geometry';
import classes from './Layer.module.css';
import { usePane } from './pane';

interface LayerHomes {
  slide: SVGGElement | null;
  screen: SVGGElement | null;
}

const HomesContext = createContext<LayerHomes>({ slide: null, screen: null });

/** Holds the layers of one pane: what is in slide pixels turns, zooms and is mirrored with the slide, without rendering. */
export function Layers({ label, children }: { label: string; children: ReactNode }) {
  const { stage } = usePane();
  const [slide, setSlide] = useState<SVGGElement | null>(null);
  const [screen, setScreen] = useState<SVGGElement | null>(null);
  useLayoutEffect(() => {
    if (slide === null) return;
    const place = () => {
      const matrix = stage.matrix();
      if (matrix !== null) slide.setAttribute('transform', `matrix(${matrix.join(' ')})`);
    };
    place();
    return stage.subscribe(place);
  }, [stage, slide]);
  return (
    <>
      <svg className={classes.layers} aria-label={label}>
        <g ref={setSlide} />
        <g ref={setScreen} />
      </svg>
      <HomesContext.Provider value={{ slide, screen }}>{children}</HomesContext.Provider>
    </>
  );
}

/**
 * SVG over the slide. `space="slide"`: coordinates are pixels of level 0 (give strokes
 * `vectorEffect="non-scaling-stroke"`); `space="screen"`: CSS pixels of the stage. Nothing in it takes the pointer unless
 * its style says `pointer-events`.
 */
export function Layer({ space, children }: { space: 'slide' | 'screen'; children: ReactNode }) {
  const home = useContext(HomesContext)[space];
  return home === null ? null : createPortal(children, home);
}

interface SurfaceProps {
  cursor?: string;
  /** `at` is in pixels of level 0. */
  onPress?: (at: Point, event: ReactPointerEvent<SVGRectElement>) => void;
  onMove?: (at: Point, event: ReactPointerEvent<SVGRectElement>) => void;
  onRelease?: (at: Point, event: ReactPointerEvent<SVGRectElement>) => void;
  onDoubleClick?: (at: Point) => void;
}

/** The whole stage as something to draw on, inside a layer in screen pixels. A press keeps the pointer; wheels still zoom. */
export function Surface({ cursor = 'crosshair', onPress, onMove, onRelease, onDoubleClick }: SurfaceProps) {
  const { stage } = usePane();
  const at = (event: { clientX: number; clientY: number }) => pointOn(stage.element, event, (point) => stage.toSlide(point));
  return (
    <rect
      className={classes.surface}
      style={{ cursor }}
      width="100%"
      height="100%"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        onPress?.(at(event), event);
      }}
      onPointerMove={(event) => onMove?.(at(event), event)}
      onPointerUp={(event) => {
        if (event.button === 0) onRelease?.(at(event), event);
      }}
      onDoubleClick={(event) => onDoubleClick?.(at(event))}
      onWheel={(event) => stage.wheel(event)}
    />
  );
}

/** Where a pointer is on the slide. */
export function pointOn(element: Element, event: { clientX: number; clientY: number }, toSlide: (point: Point) => Point): Point {
  const box = element.getBoundingClientRect();
  return toSlide({ x: event.clientX - box.left, y: event.clientY - box.top });
}
