/** A slide that fills the room: thin bar above, overview and label bottom right, scale bar bottom left, grade top right. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { slides } from '../api/endpoints';
import type { Slide } from '../api/types';
import { GradeChip } from '../ui/GradeChip';
import { marks, measureSinceOpen } from '../ui/timing';
import { useKeys } from '../ui/useKeys';
import { formatLength, imageZoomFor, nativeObjective, objectives, scaleBar } from './magnification';
import { Ruler } from './Ruler';
import classes from './Slides.module.css';
import { SlideView, type SlideViewState } from './SlideView';

const turn_deg = 15;
const panStep_px = 120;
const zoomStep = 1.4;
const scaleBarMax_px = 160;

interface Props {
  slide: Slide;
  onDisplayed?: (sopInstanceUid: string) => void;
}

export default function SlideViewer({ slide, onDisplayed }: Props) {
  const { t } = useTranslation();
  const screen = useRef<HTMLDivElement>(null);
  const overview = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<SlideView | null>(null);
  const [state, setState] = useState<SlideViewState | null>(null);
  const [sharp, setSharp] = useState(false);
  const [failed, setFailed] = useState(false);
  const [measuring, setMeasuring] = useState(false);
  const native = nativeObjective(slide);
  const displayed = useRef(onDisplayed);
  useEffect(() => {
    displayed.current = onDisplayed;
  }, [onDisplayed]);

  useEffect(() => {
    if (screen.current === null || overview.current === null) return;
    const made = new SlideView(screen.current, overview.current, slide, {
      onChange: setState,
      onSharp: () => {
        measureSinceOpen(marks.slideSharp);
        setSharp(true);
      },
      onFailed: () => setFailed(true),
      onDisplayed: (sop) => displayed.current?.(sop),
    });
    setView(made);
    return () => {
      setView(null);
      made.destroy();
    };
  }, [slide]);

  useEffect(() => view?.hold(measuring), [view, measuring]);

  const magnify = useCallback(
    (objective: number) => {
      if (native !== null) view?.zoomTo(imageZoomFor(objective, native));
    },
    [view, native],
  );
  const toggleRuler = () => setMeasuring((on) => !on && slide.mpp_um !== null);

  useKeys({
    ...Object.fromEntries(objectives.map((objective, index) => [String(index + 1), () => magnify(objective)])),
    '7': () => view?.home(),
    '+': () => view?.zoomBy(zoomStep),
    '=': () => view?.zoomBy(zoomStep),
    '-': () => view?.zoomBy(1 / zoomStep),
    q: () => view?.rotateBy(-turn_deg),
    e: () => view?.rotateBy(turn_deg),
    l: toggleRuler,
    ArrowLeft: () => view?.panBy(-panStep_px, 0),
    ArrowRight: () => view?.panBy(panStep_px, 0),
    ArrowUp: () => view?.panBy(0, -panStep_px),
    ArrowDown: () => view?.panBy(0, panStep_px),
  });

  const magnification = native === null || state === null ? null : native * state.imageZoom;
  return (
    <div className={classes.viewer}>
      <div className={classes.bar} role="toolbar" aria-label={t('slide.tools')}>
        {native !== null &&
          objectives.map((objective) => (
            <button
              key={objective}
              type="button"
              className={classes.tool}
              aria-pressed={magnification !== null && Math.abs(magnification - objective) < 0.02 * objective}
              title={objective === native ? t('slide.native') : objective > native ? t('slide.beyondNative') : undefined}
              data-native={objective === native || undefined}
              data-beyond={objective > native || undefined}
              onClick={() => magnify(objective)}
            >
              {t('slide.objective', { x: objective })}
            </button>
          ))}
        <button type="button" className={classes.tool} onClick={() => view?.home()}>
          {t('slide.whole')}
        </button>
        <span className={classes.gap} />
        <button type="button" className={classes.tool} onClick={() => view?.rotateBy(-turn_deg)} aria-label={t('slide.turnLeft')}>
          ⟲
        </button>
        <button type="button" className={classes.tool} onClick={() => view?.rotateBy(turn_deg)} aria-label={t('slide.turnRight')}>
          ⟳
        </button>
        <button type="button" className={classes.tool} aria-pressed={measuring} disabled={slide.mpp_um === null} onClick={toggleRuler}>
          {t('slide.ruler')}
        </button>
        <span className={classes.push} />
        <GradeChip slide={slide} />
      </div>
      <div className={classes.room}>
        <div ref={screen} className={classes.screen} role="img" aria-label={t('slide.screen')} data-sharp={sharp} data-page-keys />
        {view !== null && state !== null && slide.mpp_um !== null && <Ruler view={view} mpp_um={slide.mpp_um} active={measuring} />}
        {state !== null && <ScaleLine slide={slide} state={state} magnification={magnification} />}
        {failed && (
          <div className={classes.failed} role="alert">
            {t('slide.failed')}
          </div>
        )}
        <div className={classes.cornerBox}>
          <Label slide={slide} />
          <div ref={overview} className={classes.overview} role="img" aria-label={t('slide.overview')} />
        </div>
      </div>
    </div>
  );
}

function ScaleLine({ slide, state, magnification }: { slide: Slide; state: SlideViewState; magnification: number | null }) {
  const { t } = useTranslation();
  if (slide.mpp_um === null) return <div className={classes.scale}>{t('slide.noScale')}</div>;
  const bar = scaleBar(slide.mpp_um.x / state.imageZoom, scaleBarMax_px);
  return (
    <div className={classes.scale}>
      <div className={classes.scaleBar} style={{ width: bar.px }} />
      <span data-testid="scale">{formatLength(bar.um)}</span>
      {magnification !== null && <span>{t('slide.objective', { x: Number(magnification.toPrecision(3)) })}</span>}
      {state.rotation !== 0 && <span>{Math.round(state.rotation)}°</span>}
    </div>
  );
}

/** The label names the patient, so the server shows it only to those who may see it. */
function Label({ slide }: { slide: Slide }) {
  const { t } = useTranslation();
  const [hidden, setHidden] = useState(!slide.has_label);
  if (hidden) return null;
  return (
    <img className={classes.label} src={slides.associated(slide.id, 'label')} alt={t('slide.label')} onError={() => setHidden(true)} />
  );
}
