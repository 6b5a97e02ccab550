/** Straight measurements on a slide: drag to draw one, Escape or a new one lets go of the last. */
import { useState, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { distance_um, formatLength } from './magnification';
import classes from './Slides.module.css';
import type { SlideView } from './SlideView';

interface Point {
  x: number;
  y: number;
}

interface Line {
  from: Point;
  to: Point;
}

interface Props {
  view: SlideView;
  mpp_um: { x: number; y: number };
  /** Drawing; otherwise lines are only shown. */
  active: boolean;
}

/** Lines are kept in slide pixels, so they stay where they are when the slide moves. */
export function Ruler({ view, mpp_um, active }: Props) {
  const { t } = useTranslation();
  const [lines, setLines] = useState<Line[]>([]);
  const [drawing, setDrawing] = useState<Line | null>(null);

  const at = (event: PointerEvent<SVGSVGElement>): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    return view.toSlide({ x: event.clientX - box.left, y: event.clientY - box.top });
  };
  const finish = () => {
    if (drawing !== null && distance_um(drawing.from, drawing.to, mpp_um) > 0) setLines([...lines, drawing]);
    setDrawing(null);
  };

  return (
    <svg
      className={classes.ruler}
      data-active={active || undefined}
      aria-label={t('slide.rulerLines')}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrawing({ from: at(event), to: at(event) });
      }}
      onPointerMove={(event) => {
        if (drawing !== null) setDrawing({ ...drawing, to: at(event) });
      }}
      onPointerUp={finish}
    >
      {[...lines, ...(drawing === null ? [] : [drawing])].map((line, index) => (
        <RulerLine key={index} view={view} line={line} length={formatLength(distance_um(line.from, line.to, mpp_um))} />
      ))}
    </svg>
  );
}

function RulerLine({ view, line, length }: { view: SlideView; line: Line; length: string }) {
  const from = view.toScreen(line.from);
  const to = view.toScreen(line.to);
  return (
    <g>
      <line className={classes.rulerShadow} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      <line className={classes.rulerLine} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      <text className={classes.rulerText} x={(from.x + to.x) / 2 + 8} y={(from.y + to.y) / 2 - 8}>
        {length}
      </text>
    </g>
  );
}
