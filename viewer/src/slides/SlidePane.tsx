/** One slide on the screen, and everything that is drawn over it. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { slides } from '../api/endpoints';
import type { Slide } from '../api/types';
import { GradeChip } from '../ui/GradeChip';
import { marks, measureSinceOpen } from '../ui/timing';
import { MeasureTools } from './measure/MeasureTools';
import { Corner } from './overview/Corner';
import { ScaleLine } from './ScaleLine';
import classes from './Slides.module.css';
import type { FieldOfView } from './stage/geometry';
import { Layers } from './stage/Layer';
import { PaneContext, unopened } from './stage/pane';
import { SlideStage } from './stage/SlideStage';
import { ViewTools } from './ViewTools';

interface Props {
  slide: Slide;
  isActive: boolean;
  start?: FieldOfView | null;
  /** Somebody touches this pane. */
  onActivate?: () => void;
  onStage?: (stage: SlideStage | null) => void;
  onDisplayed?: (sopInstanceUid: string) => void;
}

const never = () => () => {};

export function SlidePane({ slide, isActive, start, onActivate, onStage, onDisplayed }: Props) {
  const { t } = useTranslation();
  const screen = useRef<HTMLDivElement>(null);
  const [stage, setStage] = useState<SlideStage | null>(null);
  const latest = useRef({ onStage, onDisplayed, start });
  useEffect(() => {
    latest.current = { onStage, onDisplayed, start };
  });

  useEffect(() => {
    if (screen.current === null) return;
    const made = new SlideStage(screen.current, slide, {
      start: latest.current.start,
      onDisplayed: (sop) => latest.current.onDisplayed?.(sop),
      probe: () => slides.get(slide.id),
    });
    setStage(made);
    latest.current.onStage?.(made);
    return () => {
      setStage(null);
      latest.current.onStage?.(null);
      made.destroy();
    };
  }, [slide]);

  const status = useSyncExternalStore(stage?.subscribe ?? never, stage?.status ?? unopened);
  useEffect(() => {
    if (status.isSharp) measureSinceOpen(marks.slideSharp);
  }, [status.isSharp]);

  const pane = useMemo(() => (stage === null ? null : { stage, slide, isActive }), [stage, slide, isActive]);
  return (
    <div className={classes.room} data-active={isActive || undefined} onPointerDownCapture={onActivate} onWheelCapture={onActivate}>
      <div ref={screen} className={classes.screen} role="img" aria-label={t('slide.screen')} data-sharp={status.isSharp} data-page-keys />
      {pane !== null && (
        <PaneContext value={pane}>
          <Layers label={t('slide.rulerLines')}>
            <MeasureTools />
          </Layers>
          <ViewTools />
          <ScaleLine />
          <Corner />
        </PaneContext>
      )}
      <div className={classes.grade}>
        <GradeChip slide={slide} />
      </div>
      {(status.hasFailed || status.tilesMissing) && (
        <div className={classes.failed} role="alert">
          {t(status.hasFailed ? 'slide.failed' : 'slide.tilesMissing')}
        </div>
      )}
    </div>
  );
}
