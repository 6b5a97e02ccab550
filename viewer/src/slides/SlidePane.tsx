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
import { onLargerLevel, type FieldOfView } from './stage/geometry';
import { Layers } from './stage/Layer';
import { plainLook, possibleLook, type SlideLook } from './stage/look';
import { PaneContext, unopened } from './stage/pane';
import { SlideStage } from './stage/SlideStage';
import { useSlide } from './useSlides';
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

/**
 * Whether what has arrived since has made another slide of it. The list, which it may have been opened by, says less than the
 * server does of one slide.
 */
function isAnother(opened: Slide, revision: string | null, now: Slide): boolean {
  const isRevised = revision !== null && now.revision != null && revision !== now.revision;
  const hasOthers = now.levels.some(({ sop_instance_uid: uid }, index) => uid !== opened.levels[index]?.sop_instance_uid);
  return isRevised || hasOthers || opened.width !== now.width || opened.levels.length !== now.levels.length;
}

export function SlidePane({ slide: listed, isActive, opening, onActivate, onStage, onDisplayed, children }: Props) {
  const { t } = useTranslation();
  const slide = useSlide(listed.id).data ?? listed;
  const screen = useRef<HTMLDivElement>(null);
  const [begin] = useState<Opening>(() => opening ?? left.get(slide.id) ?? { view: null, look: plainLook });
  // Fresher facts about a slide must not open it anew, unless its pixels are others.
  const [opened, setOpened] = useState(slide);
  // Of which revision that is: a list does not say it, so it may be learnt after the slide was opened.
  const [revision, setRevision] = useState(slide.revision ?? null);
  if (isAnother(opened, revision, slide)) {
    setOpened(slide);
    setRevision(slide.revision ?? null);
  } else if (revision === null && slide.revision != null) setRevision(slide.revision);
  const [look, setLook] = useState(() => possibleLook(begin.look, slide));
  const [followed, setFollowed] = useState(opening);
  if (opening !== followed) {
    // Another address for the slide that is open already.
    setFollowed(opening);
    if (opening !== undefined) setLook(possibleLook(opening.look, slide));
  }
  const [stage, setStage] = useState<SlideStage | null>(null);
  const shown = useRef<Slide | null>(null);
  const latest = useRef({ onStage, onDisplayed, look });
  useEffect(() => {
    latest.current = { onStage, onDisplayed, look };
  });

  useEffect(() => {
    if (screen.current === null) return;
    const before = shown.current;
    shown.current = opened;
    const made = new SlideStage(screen.current, opened, {
      start: before === null || before === opened ? begin.view : onLargerLevel(left.get(opened.id)?.view ?? null, opened.width / before.width),
      look: latest.current.look,
      onDisplayed: (sop) => latest.current.onDisplayed?.(sop),
      askInstances: (level, layer) =>
        queryClient.fetchQuery({
          queryKey: keys.levelInstances(opened.id, level, layer),
          queryFn: () => slides.instances(opened.id, level, layer),
          staleTime: Infinity,
        }),
      // What does not come may be of a revision that is no more.
      probe: async () => queryClient.setQueryData(keys.slide(opened.id), await slides.get(opened.id)),
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
  useEffect(() => stage?.revise(slide.revision ?? null), [stage, slide.revision]);
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
