/**
 * A shape that is being drawn. With the pointer: drag, or click point by point and end with a double click or on the first
 * point. With the keyboard: the slide moves under the cross in the middle, Enter puts a point there, Enter again on the
 * same spot ends. Escape takes back, then leaves.
 */
import { useState } from 'react';
import type { NotePoint } from '../../api/slideNotes';
import type { Point } from '../stage/geometry';
import { useFieldOfView, usePane, usePaneKeys } from '../stage/pane';
import { Surface } from '../stage/Surface';
import classes from './Notes.module.css';
import { boxed, isDragged, kindOf, notePoint, outline, simplified, type NoteTool } from './shapes';

interface Props {
  tool: NoteTool;
  onDrawn: (points: NotePoint[]) => void;
  onLeave: () => void;
}

/** A press this near to where another was means the same spot; a drag that is shorter was none. */
const near_px = 6;
/** Points of a line drawn by hand are at least so far apart, and the line is kept so exactly. */
const step_px = 2;
const exact_px = 0.75;

export function Drawing({ tool, onDrawn, onLeave }: Props) {
  const { stage } = usePane();
  const view = useFieldOfView();
  const [put, setPut] = useState<Point[]>([]);
  const [hover, setHover] = useState<Point | null>(null);
  const [dragging, setDragging] = useState(false);
  const zoom = view?.zoom ?? 1;
  const isNear = (a: Point | undefined, b: Point, px = near_px) => a !== undefined && Math.hypot(a.x - b.x, a.y - b.y) * zoom < px;

  const shape = (points: readonly Point[]): NotePoint[] => {
    const [from] = points;
    const to = points.at(-1);
    if ((tool === 'rectangle' || tool === 'ellipse') && from !== undefined && to !== undefined) {
      return boxed(tool, from, to, { toScreen: (at) => stage.toScreen(at), toSlide: (at) => stage.toSlide(at) });
    }
    return (tool === 'freehand' ? simplified(points, exact_px / zoom) : points).map(notePoint);
  };
  const finish = (points: readonly Point[]) => {
    setPut([]);
    setHover(null);
    setDragging(false);
    const [from] = points;
    const isSmall = points.length < 2 || points.every((one) => isNear(from, one));
    if (from === undefined || (tool !== 'point' && isSmall)) return;
    const drawn = shape(points);
    // A straight stroke is no region, however many points it had.
    if (kindOf[tool] !== 'polygon' || drawn.length >= 3) onDrawn(drawn);
  };
  /** One more point, from a click or Enter. */
  const add = (point: Point) => {
    if (tool === 'point') finish([point]);
    else if (tool === 'rectangle' || tool === 'ellipse') {
      if (put.length === 0) setPut([point]);
      else finish([...put, point]);
    } else if (put.length > 1 && (isNear(put[0], point) || isNear(put.at(-1), point))) finish(put);
    else if (!isNear(put.at(-1), point)) setPut([...put, point]);
  };

  usePaneKeys({
    Enter: () => {
      if (view !== null) add({ x: view.x, y: view.y });
    },
    Escape: () => {
      if (put.length === 0) onLeave();
      else finish([]);
    },
    Backspace: () => (put.length === 0 ? false : setPut(put.slice(0, -1))),
  });

  const isOpenEnded = tool === 'polygon' || tool === 'line';
  const draft = hover === null || (isDragged(tool) && put.length === 0) ? put : [...put, hover];
  const drawn = draft.length < 2 ? [] : shape(draft);
  return (
    <>
      <Surface
        onPress={(at) => {
          if (!isDragged(tool)) {
            add(at);
            return;
          }
          setDragging(true);
          // The second corner of what Enter has begun.
          if (put.length === 0) setPut([at]);
        }}
        onMove={(at) => {
          setHover(at);
          if (dragging && tool === 'freehand' && !isNear(put.at(-1), at, step_px)) setPut([...put, at]);
        }}
        onRelease={(at) => {
          if (dragging) finish([...put, at]);
          else if (tool === 'line' && put.length === 1 && !isNear(put[0], at)) finish([...put, at]);
        }}
        onCancel={() => {
          setPut(dragging ? [] : put.slice(0, -1));
          setHover(null);
          setDragging(false);
        }}
        onDoubleClick={() => {
          if (isOpenEnded) finish(put);
        }}
      />
      {view !== null && drawn.length > 0 && <Preview points={drawn} tool={tool} />}
      <Cross />
    </>
  );
}

/** In screen pixels, so that it is exactly under the pointer. */
function Preview({ points, tool }: { points: NotePoint[]; tool: NoteTool }) {
  const { stage } = usePane();
  const onScreen = points.map(([x, y]): NotePoint => {
    const at = stage.toScreen({ x, y });
    return [at.x, at.y];
  });
  const kind = tool === 'polygon' || tool === 'freehand' ? (onScreen.length > 2 ? 'polygon' : 'line') : kindOf[tool];
  const path = outline(kind, onScreen);
  return (
    <>
      <path className={classes.previewHalo} d={path} />
      <path className={classes.preview} d={path} data-testid="note-preview" />
    </>
  );
}

function Cross() {
  const { stage } = usePane();
  useFieldOfView();
  const { width, height } = stage.size;
  return <path className={classes.cross} d={`M${width / 2 - 8} ${height / 2}h16 M${width / 2} ${height / 2 - 8}v16`} />;
}
