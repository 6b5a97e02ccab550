/** One slide on the screen, and everything that is drawn over it. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { slides } from '../api/endpoints';
import { keys, queryClient } from '../api/queries';
import type { Slide } from '../api/types';
import { GradeChip } from '../ui/GradeChip';
import { marks, measureSinceOpen } from '../ui/timing';
import { DepthTools } from './depth/DepthTools';
import { MeasureTools } from './measure/MeasureTools';
import { NoteTools } from './notes/NoteTools';
import { Corner } from './overview/Corner';
import { PictureTools } from './picture/PictureTools';
import { ScaleLine } from './ScaleLine';
import classes from './Slides.module.css';
import type { FieldOfView } from './stage/geometry';
import { Layers } from './stage/Layer';
import { plainLook, possibleLook, type SlideLook } from './stage/look';
import { PaneContext, unopened } from './stage/pane';
import { SlideStage } from './stage/SlideStage';
import { ViewTools } from './ViewTools';

export interface Opening {
  view: FieldOfView | null;
  look: SlideLook;
}

interface Props {
  slide: Slide;
  isActive: boolean;
  /** Where to begin, instead of where this slide was left. */
  opening?: Opening | undefined;
  /** Somebody touches this pane. */
  onActivate?: (() => void) | undefined;
  onStage?: ((stage: SlideStage | null) => void) | undefined;
  onDisplayed?: ((sopInstanceUid: string) => void) | undefined;
  /** What else acts on this pane. */
  children?: ReactNode;
}

const never = () => () => {};

/** Where each slide was left, for as long as the page lives. */
const left = new Map<string, Opening>();

export function SlidePane({ slide, isActive, opening, onActivate, onStage, onDisplayed, children }: Props) {
  const { t } = useTranslation();
  const screen = useRef<HTMLDivElement>(null);
  const [begin] = useState<Opening>(() => opening ?? left.get(slide.id) ?? { view: null, look: plainLook });
  // The pane is one slide's for as long as it lives; fresher facts about it must not open it anew.
  const [opened] = useState(slide);
  const [look, setLook] = useState(() => possibleLook(begin.look, slide));
  const [followed, setFollowed] = useState(opening);
  if (opening !== followed) {
    // Another address for the slide that is open already.
    setFollowed(opening);
    if (opening !== undefined) setLook(possibleLook(opening.look, slide));
  }
  const [stage, setStage] = useState<SlideStage | null>(null);
  const latest = useRef({ onStage, onDisplayed, look });
  useEffect(() => {
    latest.current = { onStage, onDisplayed, look };
  });

  useEffect(() => {
    if (screen.current === null) return;
    const made = new SlideStage(screen.current, opened, {
      start: begin.view,
      look: latest.current.look,
      onDisplayed: (sop) => latest.current.onDisplayed?.(sop),
      askInstances: (level, layer) =>
        queryClient.fetchQuery({
          queryKey: keys.levelInstances(opened.id, level, layer),
          queryFn: () => slides.instances(opened.id, level, layer),
          staleTime: Infinity,
        }),
      probe: () => slides.get(opened.id),
    });
    setStage(made);
    latest.current.onStage?.(made);
    return () => {
      left.set(opened.id, { view: made.target(), look: latest.current.look });
      setStage(null);
      latest.current.onStage?.(null);
      made.destroy();
    };
  }, [opened, begin]);
  useEffect(() => stage?.setLook(look), [stage, look]);
  useEffect(() => {
    if (opening !== begin && opening?.view) stage?.show(opening.view);
  }, [stage, opening, begin]);

  const status = useSyncExternalStore(stage?.subscribe ?? never, stage?.status ?? unopened);
  useEffect(() => {
    if (status.isSharp) measureSinceOpen(marks.slideSharp);
  }, [status.isSharp]);

  const pane = useMemo(() => (stage === null ? null : { stage, slide, isActive, look, setLook }), [stage, slide, isActive, look]);
  return (
    <div className={classes.room} data-active={isActive || undefined} data-dark={slide.composition ? true : undefined} onPointerDownCapture={onActivate} onWheelCapture={onActivate}>
      <div ref={screen} className={classes.screen} role="img" aria-label={t('slide.screen')} data-sharp={status.isSharp} data-page-keys />
      {pane !== null && (
        <PaneContext value={pane}>
          <Layers label={t('slide.rulerLines')}>
            <NoteTools key={slide.id} />
            <MeasureTools />
            {children}
          </Layers>
          <ViewTools />
          <DepthTools />
          <PictureTools />
          <ScaleLine />
          <Corner />
        </PaneContext>
      )}
      <div className={classes.grade}>
        <GradeChip slide={slide} />
      </div>
      {(status.hasFailed || status.tiles !== 'whole') && (
        <div className={classes.failed} role="alert">
          {t(status.hasFailed ? 'slide.failed' : `slide.tiles.${status.tiles === 'lost' ? 'lost' : 'retrying'}`)}
        </div>
      )}
    </div>
  );
}
