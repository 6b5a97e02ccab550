/** One note as it is drawn on the slide. One's own, when it is selected, has handles to move it by. */
import { useRef, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { NotePoint } from '../../api/slideNotes';
import type { Point } from '../stage/geometry';
import { pointOn } from '../stage/Surface';
import { usePane } from '../stage/pane';
import { colourOf } from './colours';
import classes from './Notes.module.css';
import type { Note } from './NoteStore';
import { moved, outline, reshaped } from './shapes';

interface Props {
  note: Note;
  isSelected: boolean;
  /** Something else has the pointer. */
  isQuiet: boolean;
  onSelect: () => void;
  onReshape: (points: NotePoint[]) => void;
}

/** Handles on each of a thousand points would hide the line; all of it can still be moved. */
const handlesMax = 60;

export function NoteShape({ note, isSelected, isQuiet, onSelect, onReshape }: Props) {
  const { t } = useTranslation();
  const path = outline(note.kind, note.points);
  const grip = useGrip(note, isSelected && note.own, onSelect, onReshape);
  const isDot = note.kind === 'point';
  const handles = isSelected && note.own && !isDot && note.points.length <= handlesMax ? note.points : [];
  const name = `${t(`notes.classes.${note.class}`)} ${note.text.split('\n')[0] ?? ''}`.trim();
  return (
    <g
      data-testid="note"
      data-note={note.key}
      data-selected={isSelected || undefined}
      role="img"
      aria-label={name}
      style={{ color: colourOf(note), pointerEvents: isQuiet ? 'none' : undefined }}
    >
      <path className={classes.halo} d={path} data-dot={isDot || undefined} vectorEffect="non-scaling-stroke" {...grip(null)} />
      <path className={classes.stroke} d={path} data-dot={isDot || undefined} data-selected={isSelected || undefined} vectorEffect="non-scaling-stroke" />
      {handles.map(([x, y], index) => (
        <path key={index} className={classes.handle} d={`M${x} ${y}h0`} vectorEffect="non-scaling-stroke" {...grip(index)} />
      ))}
    </g>
  );
}

/** What selects it, and, when it is one's own, drags a point (`index`) or all of it (`null`). */
function useGrip(note: Note, mayMove: boolean, onSelect: () => void, onReshape: (points: NotePoint[]) => void) {
  const { stage } = usePane();
  const from = useRef<{ at: Point; points: NotePoint[] } | null>(null);
  const at = (event: PointerEvent) => pointOn(stage.element, event, (point) => stage.toSlide(point));
  return (index: number | null) => ({
    onPointerDown: (event: PointerEvent<SVGElement>) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      onSelect();
      if (!mayMove) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = { at: at(event), points: note.points };
    },
    onPointerMove: (event: PointerEvent<SVGElement>) => {
      if (from.current === null || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
      const to = at(event);
      const way = { x: to.x - from.current.at.x, y: to.y - from.current.at.y };
      onReshape(index === null ? moved(from.current.points, way) : reshaped(note.kind, from.current.points, index, to));
    },
    onPointerUp: () => {
      from.current = null;
    },
    onWheel: (event: { deltaY: number; clientX: number; clientY: number }) => stage.wheel(event),
  });
}
