/** One measurement as it is drawn, with its size beside it and, when it is selected, handles to move it by. */
import { Fragment, useRef, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { toScreen, type Point } from '../stage/geometry';
import { formatArea, formatLength } from '../stage/magnification';
import { useFieldOfView, usePane } from '../stage/pane';
import { pointOn } from '../stage/Surface';
import classes from './Measure.module.css';
import { measure, mitosisRadii_px, type Measure, type Shape } from './shapes';

interface Props {
  shape: Shape;
  isSelected: boolean;
  onSelect?: () => void;
  onReshape?: (points: Point[]) => void;
}

const handle_px = 6;

export function ShapeView({ shape, isSelected, onSelect, onReshape }: Props) {
  const { t } = useTranslation();
  const { stage, slide } = usePane();
  const view = useFieldOfView();
  const isDraft = onSelect === undefined;
  const grip = useGrip(shape, onSelect, onReshape);
  if (view === null) return null;
  const points = shape.points.map((point) => toScreen(view, stage.size, point));
  const size = measure(shape, slide.mpp_um);
  const text = size === null ? '' : sizeText(size, t);
  const label = labelPlace(shape, points);
  return (
    <g className={isDraft ? classes.inert : undefined} data-testid={`measure-${shape.kind}`} aria-label={`${t(`slide.measure.${shape.kind}`)} ${text}`} role="img">
      {!isDraft && <Outline shape={shape} points={points} className={classes.reach} {...grip(null)} />}
      {[classes.halo, isSelected ? classes.chosen : classes.line].map((className) => (
        <Outline key={className} shape={shape} points={points} className={className} {...grip(null)} />
      ))}
      {(isSelected || shape.kind === 'circle') &&
        points.map((point, index) => (
          <Fragment key={index}>
            {!isDraft && <path className={classes.finger} d={`M${point.x} ${point.y}h0.01`} {...grip(index)} />}
            <circle className={classes.handle} cx={point.x} cy={point.y} r={handle_px} {...grip(index)} />
          </Fragment>
        ))}
      {label !== null && text !== '' && (
        <text className={classes.text} x={label.x + 8} y={label.y - 8} {...grip(null)}>
          {text}
        </text>
      )}
    </g>
  );
}

interface OutlineProps {
  shape: Shape;
  points: Point[];
  className: string | undefined;
}

function Outline({ shape, points, className, ...grip }: OutlineProps) {
  const { slide } = usePane();
  const view = useFieldOfView();
  const [centre] = points;
  if (shape.kind === 'circle') {
    if (centre === undefined || slide.mpp_um === null || view === null) return null;
    const radii = mitosisRadii_px(slide.mpp_um);
    const turn = view.mirrored ? -view.rotation_deg : view.rotation_deg;
    return (
      <ellipse
        className={className}
        cx={centre.x}
        cy={centre.y}
        rx={radii.x * view.zoom}
        ry={radii.y * view.zoom}
        transform={`rotate(${turn} ${centre.x} ${centre.y})`}
        {...grip}
      />
    );
  }
  const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join(' ');
  return <path className={className} d={shape.kind === 'area' && points.length > 2 ? `${path} Z` : path} {...grip} />;
}

/** Beside the last point; at an angle's vertex; above a circle. */
function labelPlace(shape: Shape, points: Point[]): Point | null {
  if (shape.kind === 'angle') return points[1] ?? null;
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return null;
  if (shape.kind === 'distance') return { x: (first.x + last.x) / 2, y: (first.y + last.y) / 2 };
  return first;
}

/** What drags a point of a shape (`index`) or all of it (`null`). */
function useGrip(shape: Shape, onSelect?: () => void, onReshape?: (points: Point[]) => void) {
  const { stage } = usePane();
  const from = useRef<{ at: Point; points: Point[] } | null>(null);
  if (onSelect === undefined || onReshape === undefined) return () => ({});
  const at = (event: PointerEvent) => pointOn(stage.element, event, (point) => stage.toSlide(point));
  return (index: number | null) => ({
    onPointerDown: (event: PointerEvent<SVGElement>) => {
      event.stopPropagation();
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = { at: at(event), points: shape.points };
      onSelect();
    },
    onPointerMove: (event: PointerEvent<SVGElement>) => {
      if (from.current === null || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
      const now = at(event);
      const way = { x: now.x - from.current.at.x, y: now.y - from.current.at.y };
      onReshape(
        from.current.points.map((point, one) => (index === null || one === index ? { x: point.x + way.x, y: point.y + way.y } : point)),
      );
    },
    onPointerUp: () => {
      from.current = null;
    },
    onWheel: (event: { deltaY: number; clientX: number; clientY: number }) => stage.wheel(event),
  });
}

function sizeText(size: Measure, t: (key: 'slide.measure.around', values: { length: string }) => string): string {
  switch (size.unit) {
    case 'deg':
      return `${Number(size.value.toFixed(1))}°`;
    case 'um':
      return formatLength(size.value);
    case 'px':
      return `${Math.round(size.value)} px`;
    default: {
      if (size.around === null) return formatArea(size.value);
      const around = size.around.unit === 'um' ? formatLength(size.around.value) : `${Math.round(size.around.value)} px`;
      const area = size.unit === 'um2' ? formatArea(size.value) : `${Math.round(size.value)} px²`;
      return `${area} · ${t('slide.measure.around', { length: around })}`;
    }
  }
}
