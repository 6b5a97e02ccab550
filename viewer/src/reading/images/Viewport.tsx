/** One cell of the screen: a stack, who and what it is, and what keeps it from being shown. */
import { useCallback, useEffect, useRef, useState, type DragEvent, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { Unreachable } from '../../api/problem';
import type { StudyDetail } from '../../api/types';
import { ErrorNotice } from '../../ui/ErrorNotice';
import { marks, measureSinceOpen } from '../../ui/timing';
import { number, tags, type Instance } from './dicomJson';
import { DocumentView } from './documents/DocumentView';
import { Graphics } from './documents/Graphics';
import { latestOf, ofStack, otherDrawings, type Presentation, type StackPresentation, type Target } from './documents/presentation';
import { MarkLayer } from './MarkLayer';
import { SheetLayer } from './SheetLayer';
import { ShutterLayer } from './documents/ShutterLayer';
import { draggedSeries, seriesType } from './dragging';
import type { Content } from './hanging';
import classes from './Images.module.css';
import { turnIn } from './keyFrame';
import { Overlay, type LeftOut } from './Overlay';
import { cellOf, type OverlayPlanes } from './overlayPlanes/useOverlayPlanes';
import { useOverlaysOn, type OverlaysOn } from './overlayPlanes/useOverlaysOn';
import { presetsFor } from './presets';
import { useSegmentsOn } from './segments/useSegmentsOn';
import type { Segmentations } from './segments/useSegmentations';
import { indexOf, type ImageMark } from './seenImage';
import type { Stack, Stacks } from './stack';
import type { Stage } from './Stage';
import { sameTable } from './tables';
import type { FirstLook, StackView, ViewState } from './StackView';
import { useAgain } from './useAgain';

export interface Shown {
  view: StackView;
  state: ViewState;
  stack: Stack;
  /** As a presentation state has it. */
  isPresented: boolean;
}

interface Props {
  /** Which cell of the layout. */
  at: number;
  content: Content | null;
  studies: readonly StudyDetail[];
  stage: Stage;
  stacks: Stacks;
  /** Presentation states of the studies. */
  presentations: readonly Instance[];
  /** States of the study that could not be read, or are shown on no image. */
  unread: number;
  segmentations: Segmentations;
  overlayPlanes: OverlayPlanes;
  /** A place that somebody has pointed at, on an image. */
  mark: (ImageMark & { instance: string; frame: number }) | null;
  /** Whether what the states hide is hidden. */
  showsShutters: boolean;
  isActive: boolean;
  isAlone: boolean;
  onActivate: (at: number) => void;
  onDrop: (at: number, seriesUid: string) => void;
  /** Called with every image that has really been on the screen. */
  onShown: (at: number, shown: Shown | null) => void;
}

function firstLook(content: Content, stack: Stack, presented: StackPresentation | null): FirstLook {
  const named = content.at === undefined ? -1 : indexOf(stack, content.at.instance, content.at.frame);
  const index = content.index ?? (named < 0 ? undefined : named);
  const image = stack.instanceByImageId.get(stack.imageIds[index ?? 0] ?? '');
  const modality = String(image?.['00080060']?.Value?.[0] ?? '');
  const window = content.window ?? (content.preset === undefined ? undefined : presetsFor(modality, image).find(({ name }) => name === content.preset));
  const chosen = { ...(window === undefined ? {} : { window }), ...(content.table === undefined ? {} : { table: content.table }) };
  const row = image?.['00200020']?.Value?.[0];
  // A right breast lies with its chest wall, behind, to the right; a left one the other way round.
  const flipped = content.justify !== undefined && typeof row === 'string' && row.startsWith(content.justify === 'right' ? 'A' : 'P');
  if (presented !== null) {
    const { voi, presentation, rotation, flipHorizontal, invert, area } = presented.look;
    return {
      ...(index === undefined ? {} : { index }),
      ...chosen,
      presented: { voi, vois: presented.vois, presentation, turn: turnIn(rotation, flipHorizontal), inverted: invert, area },
    };
  }
  return {
    ...(index === undefined ? {} : { index }),
    ...chosen,
    ...(content.justify === undefined ? {} : { justify: content.justify }),
    ...(flipped ? { flipHorizontal: true } : {}),
  };
}

/** A state for the whole stack; where a protocol says how an image stands, there is none. */
function presentedAt(content: Content, stack: Stack, presentations: readonly Instance[]): StackPresentation | null {
  if (content.justify !== undefined || presentations.length === 0) return null;
  return ofStack(presentations, stack.imageIds.map((imageId) => targetOf(stack, imageId)));
}

/** An image as presentation states refer to it. */
export function targetOf(stack: Stack, imageId: string): Target {
  const instance = stack.instanceByImageId.get(imageId) ?? {};
  const [columns, rows] = [number(instance, tags.columns) ?? 0, number(instance, tags.rows) ?? 0];
  return { sop: stack.sopByImageId.get(imageId) ?? '', frame: Number(imageId.split('/').at(-1)), columns, rows };
}

const noLabels: readonly string[] = [];

/** What a state, or the image itself, asks for that is not done. */
function leftOutOf(state: Presentation | null, applied: StackPresentation | null, { greys, lacksCurve }: ViewState, overlays: OverlaysOn): LeftOut[] {
  // Values have gone through the image's own Modality LUT when they were loaded; a state mostly repeats that.
  const isOtherModality = state?.modality != null && (greys?.modality == null || !sameTable(state.modality, greys.modality));
  return [
    ...(state?.shutters.lacksBitmap === true ? (['bitmap'] as const) : []),
    ...(applied?.look.area?.isTrueSize === true ? (['trueSize'] as const) : []),
    ...(applied?.lacksArea === true ? (['area'] as const) : []),
    ...(state?.lacksGraphics === true ? (['graphics'] as const) : []),
    ...(state?.lacksLut === true || isOtherModality ? (['lut'] as const) : []),
    ...(greys?.isDamaged === true ? (['ownLut'] as const) : []),
    ...(lacksCurve ? (['lutOnCpu'] as const) : []),
    ...(state?.lacksColour === true ? (['colour'] as const) : []),
    ...(overlays.hasUnfit ? (['overlay'] as const) : []),
  ];
}

export function Viewport({ at, content, studies, stage, stacks, presentations, unread, segmentations, overlayPlanes, mark, showsShutters, isActive, isAlone, onActivate, onDrop, onShown }: Props) {
  const { t } = useTranslation();
  const screen = useRef<HTMLDivElement>(null);
  const { view, stack, applied, isDocument, failure, again, broken } = useStackView(screen, { at, content, studies, stage, stacks, presentations, onShown });
  const segments = useSegmentsOn(segmentations, stack, view?.imageId);
  const [isOver, setOver] = useState(false);
  const study = content === null ? undefined : studies[content.study];
  const series = study?.series.find(({ series_instance_uid: uid }) => uid === content?.seriesUid);
  const target = view === null || stack === null ? null : targetOf(stack, view.imageId);
  const state = target === null ? null : latestOf(presentations, target);
  const hasDrawing = state !== null && (state.graphics.length > 0 || state.lacksGraphics || state.shutters.shapes.length > 0 || state.overlays.own.length > 0);
  const overlays = useOverlaysOn(overlayPlanes, cellOf(at, content?.seriesUid ?? ''), stack, view, state?.overlays ?? null, applied !== null);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const uid = draggedSeries(event.dataTransfer);
    if (uid !== null) onDrop(at, uid);
  };

  return (
    <div
      className={classes.screenFrame}
      data-testid="viewport"
      data-active={!isAlone && isActive}
      data-over={isOver}
      onContextMenu={(event) => event.preventDefault()}
      onPointerDownCapture={() => onActivate(at)}
      onWheelCapture={() => onActivate(at)}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(seriesType)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <div
        ref={screen}
        className={classes.screen}
        role="img"
        aria-label={isAlone ? t('images.screen') : t('images.screenOf', { n: at + 1 })}
        data-shown={view !== null}
        data-page-keys
      />
      {view !== null && segments.state !== 'none' && (
        <SheetLayer sheets={segments.sheets} affine={view.affine} data-testid="segment-layer" data-image={view.imageId} data-state={segments.state} data-pixels={segments.pixels} />
      )}
      {view !== null && target !== null && state !== null && showsShutters && state.shutters.shapes.length > 0 && (
        <ShutterLayer shutters={state.shutters} affine={view.affine} columns={target.columns} rows={target.rows} />
      )}
      {view !== null && overlays.state !== 'none' && (
        <SheetLayer sheets={overlays.sheets} affine={view.affine} data-testid="overlay-layer" data-image={view.imageId} data-state={overlays.state} data-pixels={overlays.pixels} />
      )}
      {view !== null && study !== undefined && stack !== null && (
        <Overlay
          study={study}
          isPrior={content !== null && content.study > 0}
          series={series}
          instance={stack.instanceByImageId.get(view.imageId)}
          spacing={stack.spacingByImageId.get(view.imageId)}
          view={view}
          presented={applied?.look.label ?? null}
          lacksSegments={segments.state === 'failed'}
          lacksOverlays={overlays.state === 'failed'}
          drawnFrom={applied === null && hasDrawing ? state.label : null}
          notApplied={applied === null && state !== null && !hasDrawing ? state.label : null}
          leftOut={leftOutOf(state, applied, view, overlays)}
          otherDrawings={target === null ? noLabels : otherDrawings(presentations, target)}
          unread={unread}
          others={stack.others}
        />
      )}
      {view !== null && state !== null && state.graphics.length > 0 && <Graphics graphics={state.graphics} affine={view.affine} />}
      {view !== null && target !== null && mark !== null && mark.instance === target.sop && mark.frame === target.frame && <MarkLayer mark={mark} affine={view.affine} />}
      {study !== undefined && series !== undefined && (!series.is_image || isDocument) && <DocumentView study={study} series={series} />}
      {failure !== null && (
        <div className={classes.notice}>
          <ErrorNotice error={failure} onRetry={again} />
        </div>
      )}
      {broken !== null && (
        <div className={`${classes.notice} ${classes.broken}`} role="alert">
          {t('images.broken', { n: broken + 1 })}
        </div>
      )}
      {content === null && <div className={classes.notice}>{isAlone ? t('images.none') : t('images.empty')}</div>}
    </div>
  );
}

interface Ties {
  at: number;
  content: Content | null;
  studies: readonly StudyDetail[];
  stage: Stage;
  stacks: Stacks;
  presentations: readonly Instance[];
  onShown: (at: number, shown: Shown | null) => void;
}

/** What the screen's events need to know of the present; they are tied to it once. */
interface Current {
  stack: Stack | null;
  onScreen: string | null;
  isPresented: boolean;
  at: number;
  onShown: Ties['onShown'];
}

/** Ties a view of the stage to a screen element and to what hangs in the cell. */
function useStackView(screen: RefObject<HTMLDivElement | null>, { at, content, studies, stage, stacks, presentations, onShown }: Ties) {
  const viewer = useRef<StackView | null>(null);
  const current = useRef<Current>({ stack: null, onScreen: null, isPresented: false, at, onShown });
  const [view, setView] = useState<ViewState | null>(null);
  const [stack, setStack] = useState<Stack | null>(null);
  const [failed, setFailed] = useState<{ of: string; error: unknown } | null>(null);
  /** The image that was asked for and is not there, counted from nought. */
  const [broken, setBroken] = useState<number | null>(null);
  const study = content === null ? undefined : studies[content.study];
  const org = study?.organisation.id;
  const studyUid = study?.study_instance_uid;
  const isImage = study?.series.find(({ series_instance_uid: uid }) => uid === content?.seriesUid)?.is_image === true;
  const seriesUid = isImage ? content?.seriesUid : undefined;
  const isFailed = failed !== null && failed.of === seriesUid;
  const [times, again] = useAgain(isFailed, isFailed && failed.error instanceof Unreachable);
  const looked = useRef({ content, presentations });
  /** What was applied, to which stack. */
  const [applied, setApplied] = useState<{ stack: Stack; state: StackPresentation | null } | null>(null);

  useEffect(() => {
    looked.current = { content, presentations };
    current.current.at = at;
    current.current.onShown = onShown;
  });

  const show = useCallback(
    async (made: StackView, loaded: Stack, index?: number) => {
      const { content: what, presentations: states } = looked.current;
      if (what === null) return;
      const state = presentedAt(what, loaded, states);
      setApplied({ stack: loaded, state });
      current.current.isPresented = state !== null;
      const look = firstLook(what, loaded, state);
      await made.show(loaded, index === undefined ? look : { ...look, index }).catch(() => setBroken(look.index ?? 0));
      if (viewer.current === made) stage.hung(made);
    },
    [stage],
  );

  // Asked for before the screen is made ready, so that the answer travels meanwhile.
  useEffect(() => {
    if (org === undefined || studyUid === undefined || seriesUid === undefined) return;
    let stale = false;
    stacks
      .load(org, studyUid, seriesUid)
      .then(async (loaded) => {
        if (stale) return;
        setFailed(null);
        current.current.stack = loaded;
        current.current.onScreen = null;
        setStack(loaded);
        if (viewer.current !== null) await show(viewer.current, loaded);
      })
      .catch((error: unknown) => {
        if (!stale) setFailed({ of: seriesUid, error });
      });
    return () => {
      stale = true;
    };
  }, [org, studyUid, seriesUid, content?.index, content?.at?.instance, content?.at?.frame, stacks, show, times]);

  // States may come after the images: only a stack that one of them is about is shown anew, where it stands.
  useEffect(() => {
    const [made, what] = [viewer.current, looked.current.content];
    if (made === null || what === null || applied === null || applied.stack.seriesUid !== seriesUid) return;
    const state = presentedAt(what, applied.stack, presentations);
    if (state === null || state.uid === applied.state?.uid) return;
    void show(made, applied.stack, current.current.onScreen === null ? undefined : made.index);
  }, [presentations, applied, seriesUid, show]);

  useEffect(() => {
    if (screen.current === null) return;
    const made = stage.add(screen.current, {
      onRendered: (state) => {
        measureSinceOpen(marks.firstImage);
        setView(state);
        const { stack: latest, isPresented, at: cell, onShown: tell } = current.current;
        if (latest === null || !latest.sopByImageId.has(state.imageId)) return;
        // Drawn again while another one is asked for, it is not the one that is missing.
        if (made.viewport.getCurrentImageId() === state.imageId) setBroken(null);
        current.current.onScreen = state.imageId;
        tell(cell, { view: made, state, stack: latest, isPresented });
      },
      onImageFailed: setBroken,
    });
    viewer.current = made;
    const ties = current.current;
    const { stack: waiting } = ties;
    if (waiting !== null) void show(made, waiting);
    return () => {
      viewer.current = null;
      stage.remove(made);
      ties.onShown(ties.at, null);
    };
  }, [screen, stage, show]);

  // Pixels of one series must never stand under the name of another.
  const isChosen = view !== null && stack !== null && stack.seriesUid === seriesUid && stack.sopByImageId.has(view.imageId);
  const isDocument = stack !== null && stack.seriesUid === seriesUid && stack.imageIds.length === 0;
  return { view: isChosen ? view : null, isDocument, stack, applied: applied?.stack === stack ? (applied?.state ?? null) : null, failure: isFailed ? failed.error : null, again, broken };
}
