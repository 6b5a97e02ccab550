/** A study's images: series on the left, one stack on the screen, tools above it. */
import { useTranslation } from 'react-i18next';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { StudyDetail } from '../../api/types';
import { ErrorNotice } from '../../ui/ErrorNotice';
import { marks, measureSinceOpen } from '../../ui/timing';
import { useKeys } from '../../ui/useKeys';
import { rendersOnCpu } from './engine';
import classes from './Images.module.css';
import { Overlay } from './Overlay';
import { presetsFor } from './presets';
import { SeriesList } from './SeriesList';
import { loadStack, type Stack } from './stack';
import { StackView, type PointerTool, type ViewState } from './StackView';
import { actionKeys, Toolbar, toolKeys, type ImageAction } from './Toolbar';

interface Props {
  study: StudyDetail;
  /** Called with the SOP Instance UID of every image that has really been on the screen. */
  onDisplayed?: (sopInstanceUid: string) => void;
}

/** What the screen's events need to know of the present; they are tied to it once. */
interface Current {
  stack: Stack | null;
  onScreen: string | null;
  onDisplayed: ((sop: string) => void) | undefined;
}

interface Failed {
  seriesUid: string;
  error: unknown;
}

export default function ImageViewer({ study, onDisplayed }: Props) {
  const { t } = useTranslation();
  const images = study.series.filter((series) => series.is_image);
  const [seriesUid, setSeriesUid] = useState(images[0]?.series_instance_uid ?? null);
  const [tool, setTool] = useState<PointerTool>('window');
  const { screen, view, stack, failure, broken, act } = useStackView(study, seriesUid, onDisplayed);
  const series = images.find((one) => one.series_instance_uid === seriesUid);
  const presets = presetsFor(series?.modality ?? '');

  const choose = (next: PointerTool) => {
    setTool(next);
    act((viewer) => viewer.choose(next));
  };
  const run = (action: ImageAction) => act((viewer) => perform(viewer, action));
  const step = (by: number) => {
    const at = images.findIndex((one) => one.series_instance_uid === seriesUid);
    const next = images[at + by];
    if (next !== undefined) setSeriesUid(next.series_instance_uid);
  };

  useKeys({
    ArrowUp: () => act((viewer) => viewer.scroll(-1)),
    ArrowDown: () => act((viewer) => viewer.scroll(1)),
    PageUp: () => act((viewer) => viewer.scroll(-10)),
    PageDown: () => act((viewer) => viewer.scroll(10)),
    '[': () => step(-1),
    ']': () => step(1),
    ...Object.fromEntries(Object.entries(toolKeys).map(([name, key]) => [key, () => choose(name as PointerTool)])),
    ...Object.fromEntries(Object.entries(actionKeys).map(([name, key]) => [key, () => run(name as ImageAction)])),
    ...Object.fromEntries(presets.map((preset, index) => [String(index + 1), () => act((viewer) => viewer.preset(preset))])),
  });

  return (
    <div className={classes.viewer}>
      <SeriesList
        org={study.organisation.id}
        studyUid={study.study_instance_uid}
        series={study.series}
        current={seriesUid}
        showThumbnails={view !== null || failure !== null}
        onChoose={setSeriesUid}
      />
      <div className={classes.stage}>
        <Toolbar
          tool={tool}
          presets={presets}
          onTool={choose}
          onAction={run}
          onPreset={(preset) => act((viewer) => viewer.preset(preset))}
        />
        <div className={classes.screenFrame} onContextMenu={(event) => event.preventDefault()}>
          <div ref={screen} className={classes.screen} role="img" aria-label={t('images.screen')} data-shown={view !== null} data-page-keys />
          {view !== null && (
            <Overlay study={study} series={series} instance={stack?.instanceByImageId.get(view.imageId)} view={view} />
          )}
          {failure !== null && (
            <div className={classes.notice}>
              <ErrorNotice error={failure} />
            </div>
          )}
          {broken && <div className={classes.notice} role="alert">{t('images.broken')}</div>}
          {images.length === 0 && <div className={classes.notice}>{t('images.none')}</div>}
        </div>
        {rendersOnCpu() && <div className={classes.note}>{t('images.cpu')}</div>}
      </div>
    </div>
  );
}

function perform(viewer: StackView, action: ImageAction): void {
  switch (action) {
    case 'invert':
      return viewer.invert();
    case 'rotate':
      return viewer.rotate();
    case 'flipHorizontal':
      return viewer.flip('horizontal');
    case 'flipVertical':
      return viewer.flip('vertical');
    case 'reset':
      return viewer.reset();
  }
}

/** Ties a StackView to a screen element and to the series that is chosen. */
function useStackView(study: StudyDetail, seriesUid: string | null, onDisplayed?: (sop: string) => void) {
  const screen = useRef<HTMLDivElement>(null);
  const viewer = useRef<StackView | null>(null);
  const current = useRef<Current>({ stack: null, onScreen: null, onDisplayed: undefined });
  const [view, setView] = useState<ViewState | null>(null);
  const [stack, setStack] = useState<Stack | null>(null);
  const [failed, setFailed] = useState<Failed | null>(null);
  const [broken, setBroken] = useState(false);
  const org = study.organisation.id;
  const studyUid = study.study_instance_uid;

  useEffect(() => {
    current.current.onDisplayed = onDisplayed;
  }, [onDisplayed]);

  // Asked for before the screen is made ready, so that the answer travels meanwhile.
  useEffect(() => {
    if (seriesUid === null) return;
    let stale = false;
    loadStack(org, studyUid, seriesUid)
      .then(async (loaded) => {
        if (stale) return;
        current.current.stack = loaded;
        setStack(loaded);
        await viewer.current?.show(loaded).catch(() => setBroken(true));
      })
      .catch((error: unknown) => {
        if (!stale) setFailed({ seriesUid, error });
      });
    return () => {
      stale = true;
    };
  }, [org, studyUid, seriesUid]);

  useEffect(() => {
    if (screen.current === null) return;
    const made = new StackView(screen.current, {
      onRendered: (state) => {
        measureSinceOpen(marks.firstImage);
        setView(state);
        const { stack: latest, onScreen } = current.current;
        if (state.imageId === onScreen) return;
        current.current.onScreen = state.imageId;
        setBroken(false);
        const sop = latest?.sopByImageId.get(state.imageId);
        if (sop !== undefined) current.current.onDisplayed?.(sop);
      },
      onImageFailed: () => setBroken(true),
    });
    viewer.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(screen.current);
    return () => {
      observer.disconnect();
      viewer.current = null;
      made.destroy();
    };
  }, []);

  const act = useCallback((action: (viewer: StackView) => void) => {
    if (viewer.current !== null) action(viewer.current);
  }, []);

  const failure = failed !== null && failed.seriesUid === seriesUid ? failed.error : null;
  // Pixels of one series must never stand under the name of another.
  const isChosen = view !== null && stack?.seriesUid === seriesUid && stack.sopByImageId.has(view.imageId);
  return { screen, view: isChosen ? view : null, stack, failure, broken, act };
}
