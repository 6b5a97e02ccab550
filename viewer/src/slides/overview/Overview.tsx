/** The whole slide, small, with a frame around what is seen; a click or a drag goes there. */
import type { PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { corners } from '../stage/geometry';
import { useFieldOfView, usePane } from '../stage/pane';
import { fit, Miniature } from './Miniature';
import classes from './Overview.module.css';

const room = { width: 200, height: 160 };

export function Overview() {
  const { t } = useTranslation();
  const { stage, slide } = usePane();
  const size = fit(slide, room);
  const goTo = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * slide.width;
    const y = ((event.clientY - box.top) / box.height) * slide.height;
    stage.show({ x, y }, { immediately: event.type === 'pointermove' });
  };
  return (
    <div
      className={classes.overview}
      style={size}
      role="img"
      aria-label={t('slide.overview')}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        goTo(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) goTo(event);
      }}
    >
      <Miniature slide={slide} />
      <svg className={classes.frameLayer} viewBox={`0 0 ${slide.width} ${slide.height}`} preserveAspectRatio="none">
        <ViewFrame />
      </svg>
    </div>
  );
}

function ViewFrame() {
  const { stage } = usePane();
  const view = useFieldOfView();
  if (view === null) return null;
  const points = corners(view, stage.size)
    .map(({ x, y }) => `${x},${y}`)
    .join(' ');
  return (
    <>
      <polygon className={classes.frameHalo} points={points} vectorEffect="non-scaling-stroke" />
      <polygon className={classes.frame} points={points} vectorEffect="non-scaling-stroke" data-testid="view-frame" />
      <circle className={classes.spot} cx={view.x} cy={view.y} r={1} vectorEffect="non-scaling-stroke" />
    </>
  );
}
