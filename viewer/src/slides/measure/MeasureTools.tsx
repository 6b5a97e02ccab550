/**
 * Ruler, angle, area and the circle of 1 mm². With the pointer: drag or click. With the keyboard: the slide moves under the
 * cross in the middle, Enter puts a point there, Enter again on the same spot ends an area.
 */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../icons';
import type { Point } from '../stage/geometry';
import { Layer } from '../stage/Layer';
import { useFieldOfView, usePane, usePaneKeys, useTool } from '../stage/pane';
import { InSlot } from '../stage/slots';
import { Surface } from '../stage/Surface';
import { Tool } from '../Tool';
import classes from './Measure.module.css';
import { CalibrateLine } from './CalibrateLine';
import { ShapeView } from './ShapeView';
import { isEmpty, pointsNeeded, shapeKinds, type ShapeKind } from './shapes';
import { useMeasurements } from './useMeasurements';

const toolKeys: Record<ShapeKind, string> = { distance: 'l', angle: 'a', area: 'f', circle: 'c' };
/** A press this near to where another was means the same spot. */
const near_px = 6;

export function MeasureTools() {
  const { t } = useTranslation();
  const { slide } = usePane();
  const [{ shapes, selected }, store] = useMeasurements(slide.id, slide.width);
  const mayDraw = (name: ShapeKind) => name !== 'circle' || slide.mpp_um !== null;
  const tools = {
    distance: useTool('distance'),
    angle: useTool('angle'),
    area: useTool('area'),
    circle: useTool('circle', mayDraw('circle')),
  };
  const kind = shapeKinds.find((name) => tools[name][0]) ?? null;

  const drawn = (what: ShapeKind, points: Point[]) => {
    store.add(what, points);
    // One circle is what is wanted, and next it is to be moved.
    if (what === 'circle') tools.circle[2]();
  };

  usePaneKeys({
    ...Object.fromEntries(shapeKinds.map((name) => [toolKeys[name], () => (mayDraw(name) ? tools[name][1]() : false)])),
    // While something is drawn, these take its points back first.
    Delete: () => (kind === null ? store.remove() : false),
    Backspace: () => (kind === null ? store.remove() : false),
    Escape: () => {
      // A tool is left before what it drew is let go.
      if (selected === null || kind !== null) return false;
      store.select(null);
      return true;
    },
  });

  return (
    <>
      <InSlot name="measure">
        {shapeKinds.map((name) => (
          <Tool
            key={name}
            name={t(`slide.measure.${name}`)}
            press={toolKeys[name].toUpperCase()}
            pressed={kind === name}
            disabled={!mayDraw(name)}
            onClick={tools[name][1]}
          >
            <Icon name={name} />
          </Tool>
        ))}
        <CalibrateLine selected={shapes.find(({ id }) => id === selected) ?? null} />
        <span className={classes.forFingers}>
          <Tool name={t('slide.measure.remove')} press="Delete" disabled={selected === null} onClick={() => store.remove()}>
            <Icon name="remove" />
          </Tool>
        </span>
      </InSlot>
      <Layer space="screen">
        {kind !== null && (
          <Drawing key={kind} kind={kind} onDrawn={(points) => drawn(kind, points)} onRemove={() => store.remove()} onLeave={tools[kind][2]} />
        )}
        <g className={kind === null ? undefined : classes.inert}>
          {shapes.map((shape) => (
            <ShapeView
              key={shape.id}
              shape={shape}
              isSelected={shape.id === selected}
              onSelect={() => store.select(shape.id)}
              onReshape={(points) => store.reshape(shape.id, points)}
            />
          ))}
        </g>
      </Layer>
      {kind !== null && (
        <div className={classes.hint} role="status">
          {t(`slide.measure.hint.${kind}`)}
        </div>
      )}
    </>
  );
}

interface DrawingProps {
  kind: ShapeKind;
  onDrawn: (points: Point[]) => void;
  /** Removes what is drawn already. */
  onRemove: () => boolean;
  onLeave: () => void;
}

/** A shape that is being drawn: the points that are put, and the one under the pointer. */
function Drawing({ kind, onDrawn, onRemove, onLeave }: DrawingProps) {
  const { stage } = usePane();
  const view = useFieldOfView();
  const [put, setPut] = useState<Point[]>([]);
  const [hover, setHover] = useState<Point | null>(null);
  const zoom = view?.zoom ?? 1;
  const isNear = (a: Point | undefined, b: Point) => a !== undefined && Math.hypot(a.x - b.x, a.y - b.y) * zoom < near_px;

  const finish = (points: Point[]) => {
    setPut([]);
    setHover(null);
    if (!isEmpty({ kind, points }, zoom)) onDrawn(points);
  };
  const add = (point: Point) => {
    const closes = kind === 'area' && put.length >= 3 && (isNear(put[0], point) || isNear(put.at(-1), point));
    if (closes) finish(put);
    else if (isNear(put.at(-1), point)) return;
    else if (put.length + 1 >= pointsNeeded[kind]) finish([...put, point]);
    else setPut([...put, point]);
  };

  const takeBack = () => (put.length === 0 ? onRemove() : setPut(put.slice(0, -1)));

  usePaneKeys({
    Enter: () => {
      // Where the last key sent the slide, not where it happens to be on its way: equal steps make equal sides.
      const there = stage.target();
      if (there !== null) add({ x: there.x, y: there.y });
    },
    Escape: () => {
      if (put.length === 0) onLeave();
      else setPut([]);
    },
    Backspace: takeBack,
    Delete: takeBack,
  });

  const draft = hover === null || kind === 'circle' ? put : [...put, hover];
  return (
    <>
      <Surface
        onPress={add}
        onMove={setHover}
        onCancel={() => {
          setPut(put.slice(0, -1));
          setHover(null);
        }}
        onRelease={(at) => {
          // A drag is a distance at once; a click leaves its other end to the next one.
          if (kind === 'distance' && put.length === 1 && !isNear(put[0], at)) finish([...put, at]);
        }}
      />
      <CentreCross />
      {draft.length > 0 && <ShapeView shape={{ id: 0, kind, points: draft }} isSelected={false} />}
    </>
  );
}

/** Where Enter puts a point. */
function CentreCross() {
  const { stage } = usePane();
  useFieldOfView();
  const { width, height } = stage.size;
  return <path className={classes.cross} d={`M${width / 2 - 8} ${height / 2}h16 M${width / 2} ${height / 2 - 8}v16`} />;
}
