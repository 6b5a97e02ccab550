/** Studies' images: series on the left, what hangs beside each other in the middle, tools above. The current study comes first. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { FrameKeyImage, Series, StudyDetail } from '../../api/types';
import { offerView } from '../../messages/currentView';
import { hasRole, useMe } from '../../session/useMe';
import { useKeys, type Bindings } from '../../ui/useKeys';
import { drawnOn, removeSelected } from './annotations';
import { AskTextDialog, useAskText } from './AskTextDialog';
import { CineBar } from './CineBar';
import { latestOf } from './documents/presentation';
import { usePresentations } from './documents/usePresentations';
import { imageBudget_bytes, rendersOnCpu, whenContextIsLost } from './engine';
import { cellsOf, hang, imagesOf, layouts, relaid, type Arrangement, type Content, type Layout, type Links } from './hanging';
import classes from './Images.module.css';
import { keyFrameOf, showAs } from './keyFrame';
import { MeasureList } from './MeasureList';
import { countImages, useMemory } from './memory';
import { volumeGeometry, type NoVolume } from './mpr/geometry';
import { MprView } from './mpr/MprView';
import { OverlayPlaneList } from './overlayPlanes/OverlayPlaneList';
import { planesOf } from './overlayPlanes/plane';
import { cellOf, useOverlayPlanes } from './overlayPlanes/useOverlayPlanes';
import { laidOver } from './overlayPlanes/useOverlaysOn';
import { presetsFor, type TablePreset, type Window, type WindowPreset } from './presets';
import { SegmentList } from './segments/SegmentList';
import { useSegmentations } from './segments/useSegmentations';
import { SeriesList } from './SeriesList';
import { indexOf, seenAddress, type SeenImage } from './seenImage';
import { Stacks, type Stack } from './stack';
import { Stage } from './Stage';
import type { StackView } from './StackView';
import { tableLabels } from './tables';
import { layoutKeys, presetKeysMax, Tool, Toolbar } from './Toolbar';
import { actionKeys, isMeasureTool, toolKeys, type ImageAction, type PointerTool } from './tools';
import { useCine } from './useCine';
import type { Listed } from './measurementSheets';
import { usePictures } from './pictures';
import { useMeasurements } from './useMeasurements';
import { targetOf, Viewport, type Shown } from './Viewport';

interface Props {
  studies: readonly StudyDetail[];
  /** Called with the SOP Instance UID of every image that has really been on the screen. */
  onDisplayed?: (sopInstanceUid: string) => void;
  keyImages?: KeyImageTies | undefined;
  /** What an address names: it is shown instead of what a protocol hangs. */
  opening?: SeenImage | null;
}

/** Between the images and the report that shows some of them. */
export interface KeyImageTies {
  /** Puts an image into the report, and says in words what became of it; `null` where no report is written. */
  take: ((image: FrameKeyImage) => Promise<string>) | null;
  /** Is given what shows a key image among the images. */
  onOpener: (open: (image: FrameKeyImage) => void) => void;
}

export default function ImageViewer({ studies, onDisplayed, keyImages, opening = null }: Props) {
  const { t } = useTranslation();
  const me = useMe();
  const askText = useAskText();
  const [stage] = useState(() => new Stage(askText.ask));
  const [stacks] = useState(() => new Stacks());
  const memory = useMemory();
  const { states: presentations, unread } = usePresentations(studies);
  const [shown, setShown] = useState<ReadonlyMap<number, Shown>>(new Map());
  const segmentations = useSegmentations(studies, shown.size > 0);
  const overlayPlanes = useOverlayPlanes();
  const pictures = usePictures(studies, stacks);
  const hung = useMemo(() => hang(studies, pictures), [studies, pictures]);
  const [chosen, setChosen] = useState<Arrangement | null>(() => (opening === null ? null : addressed(opening, studies)));
  const arrangement = chosen ?? hung;
  const { layout, cells, links } = arrangement;
  const [wished, setActive] = useState(0);
  const active = Math.min(wished, cells.length - 1);
  const [tool, setTool] = useState<PointerTool>('window');
  const [referenceLines, setReferenceLines] = useState(true);
  const [mpr, setMpr] = useState<{ stack: Stack; window: Window | null; study: number } | null>(null);
  const [noMpr, setNoMpr] = useState<NoVolume | null>(null);
  const [showsShutters, setShowsShutters] = useState(true);
  const [said, setSaid] = useState<string | null>(null);
  const [mark] = useState(() => (opening?.mark == null ? null : { ...opening.mark, instance: opening.instance, frame: opening.frame }));
  const [generation, setGeneration] = useState(0);
  const displayed = useRef(onDisplayed);
  /** A key image whose series is on its way to the screen. */
  const awaited = useRef<FrameKeyImage | null>(null);
  const { onShown: measuredOn, ...measured } = useMeasurements(studies, hasRole(me, 'requester', 'reader', 'reviewer'));

  useEffect(() => {
    displayed.current = onDisplayed;
  }, [onDisplayed]);
  useEffect(countImages, []);
  // The graphics card is gone: all viewports are made anew, with the images that they showed.
  useEffect(() =>
    whenContextIsLost(() => {
      setMpr(null);
      setChosen({ ...arrangement, cells: asSeen(cells, shown) });
      setGeneration(generation + 1);
    }),
  );
  useEffect(() => stage.link(links), [stage, links]);

  const at = shown.get(active);
  // Keys never reach the stack that was in the cell before, while another is loaded or a document is shown.
  const here = at !== undefined && at.stack.seriesUid === cells[active]?.seriesUid ? at : undefined;
  useEffect(() => {
    if (here !== undefined) stage.activate(here.view);
  }, [stage, here]);

  useEffect(() => measuredOn([...shown.values()]), [measuredOn, shown]);

  const onShown = useCallback((at: number, what: Shown | null) => {
    setShown((before) => {
      const after = new Map(before);
      if (what === null) after.delete(at);
      else after.set(at, what);
      return after;
    });
    const sop = what?.stack.sopByImageId.get(what.state.imageId);
    if (sop !== undefined) displayed.current?.(sop);
    const image = awaited.current;
    if (what === null || image === null || what.stack.seriesUid !== image.series) return;
    awaited.current = null;
    void showAs(what, image);
  }, []);

  const image = here?.stack.instanceByImageId.get(here.state.imageId);
  const cell = cells[active] ?? null;
  const presets = presetsFor(studies[cell?.study ?? 0]?.series.find((one) => one.series_instance_uid === cell?.seriesUid)?.modality ?? '', image);
  const tables = here === undefined || image === undefined ? [] : tableLabels(image, targetOf(here.stack, here.state.imageId).frame);
  const choices = [...presets, ...tables.map((label, table): TablePreset => ({ table, label }))];
  const presented = here === undefined ? null : latestOf(presentations, targetOf(here.stack, here.state.imageId));
  const hasShutters = (presented?.shutters.shapes.length ?? 0) > 0;
  const laid = here === undefined ? [] : laidOver(here.stack, here.state.imageId, presented?.overlays ?? null, here.isPresented);
  const overlayCell = cellOf(active, cell?.seriesUid ?? '');
  const cine = useCine(here?.view ?? null, image, here?.state.count ?? 0);
  const act = (action: (view: StackView) => void) => {
    if (here !== undefined) action(here.view);
  };
  const run = (action: ImageAction) => act((view) => perform(view, action));
  const choose = (next: PointerTool) => {
    setTool(next);
    stage.choose(next);
  };
  const put = (at: number, study: number, series: Series) => {
    const next = cells.map((one, index) => (index === at ? { study, seriesUid: series.series_instance_uid } : one));
    setChosen({ ...arrangement, cells: next });
  };
  const step = (by: number) => {
    const study = cell?.study ?? 0;
    const all = studies[study] === undefined ? [] : imagesOf(studies[study]);
    const next = all[all.findIndex((one) => one.series_instance_uid === cell?.seriesUid) + by];
    if (next !== undefined) put(active, study, next);
  };
  const lay = (next: Layout) => {
    setChosen(relaid(arrangement, next, studies));
    setActive(Math.min(active, cellsOf[next] - 1));
  };
  const link = (which: keyof Links) => setChosen({ ...arrangement, links: { ...links, [which]: !links[which] } });
  const toggleReferenceLines = () => {
    setReferenceLines(!referenceLines);
    stage.showReferenceLines(!referenceLines);
  };
  const move = (by: number) => (cells.length > 1 ? setActive((active + by + cells.length) % cells.length) : false);
  const drop = (at: number, seriesUid: string) => {
    const study = studies.findIndex((one) => one.series.some((series) => series.series_instance_uid === seriesUid));
    const series = studies[study]?.series.find((one) => one.series_instance_uid === seriesUid);
    if (series === undefined || !series.is_image) return;
    put(at, study, series);
    setActive(at);
  };

  const go = (one: Listed) => {
    const at = cells.findIndex((content) => content?.seriesUid === one.series);
    const has = shown.get(at);
    if (has !== undefined) {
      setActive(at);
      has.view.goTo(indexOf(has.stack, one.instance, one.frame));
      return;
    }
    const study = studies.findIndex((candidate) => `${candidate.organisation.id}/${candidate.study_instance_uid}` === one.study);
    if (study < 0) return;
    const next = cells.map((content, cellAt) => (cellAt === active ? { study, seriesUid: one.series, at: { instance: one.instance, frame: one.frame } } : content));
    setChosen({ ...arrangement, cells: next });
  };

  const take = keyImages?.take ?? null;
  const takeKeyImage = () => {
    const image = here === undefined || take === null ? null : keyFrameOf(here, drawnOn(here.state.imageId));
    if (image !== null && take !== null) void take(image).then(setSaid);
  };
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), said_ms);
    return () => clearTimeout(timer);
  }, [said]);

  // A key image is opened in the cell that has its series, or in the active one once the series is there.
  const openKeyImage = (image: FrameKeyImage) => {
    const has = [...shown].find(([at, one]) => one.stack.seriesUid === image.series && cells[at]?.seriesUid === image.series);
    setMpr(null);
    if (has !== undefined && mpr === null) {
      setActive(has[0]);
      void showAs(has[1], image);
      return;
    }
    const study = studies.findIndex((one) => one.series.some(({ series_instance_uid: uid }) => uid === image.series));
    const series = studies[study]?.series.find(({ series_instance_uid: uid }) => uid === image.series);
    if (series === undefined) return;
    awaited.current = image;
    put(active, study, series);
  };
  const onOpener = keyImages?.onOpener;
  useEffect(() => {
    onOpener?.(openKeyImage);
  });

  const openMpr = () => {
    if (here === undefined) return;
    const why = noVolume(here.stack);
    setNoMpr(why);
    if (why !== null) return;
    // Coming back, the stacks stand at the images where they stood.
    setChosen({ ...arrangement, cells: asSeen(cells, shown) });
    setMpr({ stack: here.stack, window: here.state.window, study: cell?.study ?? 0 });
  };

  // Others are shown what is on the screen, and where it was last pressed.
  useEffect(() =>
    offerView(() => {
      const study = studies[cell?.study ?? 0];
      if (here === undefined || study === undefined) return null;
      const { sop, frame } = targetOf(here.stack, here.state.imageId);
      const { x, y } = here.view.pointedAt();
      const seen = { series: here.stack.seriesUid, instance: sop, frame, window: here.state.window, mark: { x, y, label: '' } };
      return { address: seenAddress(study.organisation.id, study.study_instance_uid, seen), mark: { on: 'image', instance: sop, frame, x_px: x, y_px: y, label: '' } };
    }),
  );

  const removeLast = () => removeSelected(new Set([...shown.values()].map(({ state }) => state.imageId)));

  const bindings: Bindings = {
    m: openMpr,
    ...(hasShutters ? { 'Shift+o': () => setShowsShutters(!showsShutters) } : {}),
    ...(segmentations.all.length === 0 ? {} : { o: segmentations.toggle }),
    ...(take === null ? {} : { k: takeKeyImage }),
    ArrowUp: () => act((view) => view.scroll(-1)),
    ArrowDown: () => act((view) => view.scroll(1)),
    PageUp: () => act((view) => view.scroll(-10)),
    PageDown: () => act((view) => view.scroll(10)),
    Home: () => act((view) => view.goTo(0)),
    End: () => act((view) => view.goTo((here?.state.count ?? 1) - 1)),
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
    '[': () => step(-1),
    ']': () => step(1),
    Delete: removeLast,
    Backspace: removeLast,
    s: () => link('scroll'),
    'Shift+s': () => link('look'),
    'Shift+r': toggleReferenceLines,
    ...Object.fromEntries(layouts.map((one) => [layoutKeys[one], () => lay(one)])),
    ...Object.fromEntries(Object.entries(toolKeys).map(([name, key]) => [key, () => choose(name as PointerTool)])),
    ...Object.fromEntries(Object.entries(actionKeys).map(([name, key]) => [key, () => run(name as ImageAction)])),
    ...Object.fromEntries(choices.slice(0, presetKeysMax).map((preset, index) => [String(index + 1), () => act((view) => seenBy(view, preset))])),
  };
  useKeys(bindings, mpr === null);
  // One thing at a time, before the page is left: what is half drawn, then the tool that draws.
  const putDown = () => {
    if (stage.stopDrawing()) return true;
    if (!isMeasureTool(tool)) return false;
    choose('window');
    return true;
  };
  useKeys({ Escape: putDown }, mpr === null, 'within');
  const mprStudy = mpr === null ? undefined : studies[mpr.study];

  const isGone = opening !== null && (chosen === null || cells.some((content, at) => lacksNamed(content, shown.get(at))));
  const totals = new Map([...shown.values()].map(({ stack }) => [stack.seriesUid, stack.imageIds.length]));
  return (
    <div className={classes.viewer} data-testid="image-viewer" data-protocol={arrangement.protocol} data-memory-mb={memory.mb}>
      <div className={classes.left}>
      <SeriesList
        studies={studies}
        shown={new Set(cells.flatMap((one) => one?.seriesUid ?? []))}
        current={cell?.seriesUid ?? null}
        memory={memory}
        total={(series) => totals.get(series.series_instance_uid) ?? series.instance_count}
        showThumbnails={shown.size > 0 || mpr !== null}
        onChoose={(study, series) => put(active, study, series)}
      />
      <SegmentList segmentations={segmentations} study={cell?.study ?? 0} here={here} />
      {here !== undefined && laid.length > 0 && <OverlayPlaneList overlays={overlayPlanes} laid={laid} imageId={here.state.imageId} cell={overlayCell} />}
      {studies[0] !== undefined && (
        <MeasureList study={studies[0]} listed={measured.listed} saving={measured.saving} onGo={go} onRemove={measured.remove} />
      )}
      </div>
      {mpr !== null && mprStudy !== undefined ? (
        <MprView study={mprStudy} stack={mpr.stack} window={mpr.window} presets={presets} hasSegments={segmentations.all.some((one) => one.study === mpr.study)} hasOverlays={[...mpr.stack.instanceByImageId.values()].some((one) => planesOf(one).length > 0)} onClose={() => setMpr(null)} />
      ) : (
      <div className={classes.stage}>
        <Toolbar
          tool={tool}
          presets={choices}
          layout={layout}
          links={links}
          referenceLines={referenceLines}
          onTool={choose}
          onAction={run}
          onPreset={(preset) => act((view) => seenBy(view, preset))}
          onLayout={lay}
          onLink={link}
          onReferenceLines={toggleReferenceLines}
        >
          <Tool label={t('images.mpr.open')} hint="M" onClick={openMpr} />
          {hasShutters && <Tool label={t('images.shutters')} hint="Shift+O" pressed={showsShutters} onClick={() => setShowsShutters(!showsShutters)} />}
          {segmentations.all.length > 0 && <Tool label={t('images.segments.name')} hint="O" pressed={segmentations.isShown} onClick={segmentations.toggle} />}
          {laid.length > 0 && <Tool label={t('images.overlayPlanes.name')} pressed={overlayPlanes.isShown(overlayCell)} onClick={() => overlayPlanes.toggle(overlayCell)} />}
          {take !== null && <Tool label={t('notes.keyImages')} hint="K" onClick={takeKeyImage} />}
          {cine.isPossible && <CineBar cine={cine.state} onPlay={cine.toggle} onSpeed={cine.change} />}
        </Toolbar>
        <div className={classes.grid} data-layout={layout}>
          {cells.map((content, at) => (
            <Viewport
              key={`${generation}/${at}`}
              at={at}
              content={content}
              studies={studies}
              stage={stage}
              stacks={stacks}
              presentations={presentations}
              unread={content === null ? 0 : (unread[content.study] ?? 0)}
              segmentations={segmentations}
              overlayPlanes={overlayPlanes}
              mark={mark}
              showsShutters={showsShutters}
              isActive={at === active}
              isAlone={cells.length === 1}
              onActivate={setActive}
              onDrop={drop}
              onShown={onShown}
            />
          ))}
        </div>
        {said !== null && (
          <div className={classes.note} role="status" data-testid="key-image-said">
            {said}
          </div>
        )}
        {isGone && (
          <div className={classes.note} role="status" data-testid="gone-image">
            {t('viewing.gone')}
          </div>
        )}
        {noMpr !== null && (
          <div className={classes.note} role="status" data-testid="no-mpr">
            {t(`images.mpr.not.${noMpr}`)}
          </div>
        )}
        {rendersOnCpu() && (
          <div className={classes.note} role="status">
            {t('images.cpu')}
          </div>
        )}
      </div>
      )}
      <AskTextDialog state={askText} />
    </div>
  );
}

/** Long enough to be read beside the images. */
const said_ms = 4_000;

function perform(view: StackView, action: ImageAction): void {
  switch (action) {
    case 'invert':
      return view.invert();
    case 'rotate':
      return view.rotate();
    case 'flipHorizontal':
      return view.flip('horizontal');
    case 'flipVertical':
      return view.flip('vertical');
    case 'reset':
      return view.reset();
  }
}

function seenBy(view: StackView, preset: WindowPreset | TablePreset): void {
  if ('table' in preset) view.setTable(preset.table);
  else view.setWindow(preset);
}

/** One image alone, as an address names it; `null` where no study has its series. */
function addressed({ series, instance, frame, window }: SeenImage, studies: readonly StudyDetail[]): Arrangement | null {
  const study = studies.findIndex((one) => one.series.some(({ series_instance_uid: uid }) => uid === series));
  if (study < 0) return null;
  const cell = { study, seriesUid: series, at: { instance, frame }, ...(window === null ? {} : { window }) };
  return { protocol: 'address', layout: '1x1', cells: [cell], links: { scroll: false, look: false } };
}

/** Whether another image is shown, because the one that was asked for by name is not in the series. */
function lacksNamed(content: Content | null, now: Shown | undefined): boolean {
  if (content?.at === undefined || now?.stack.seriesUid !== content.seriesUid) return false;
  return indexOf(now.stack, content.at.instance, content.at.frame) < 0;
}

/** The cells with the images that they show now, and a window or a table only where one was chosen; turn and zoom begin anew. */
function asSeen(cells: Arrangement['cells'], shown: ReadonlyMap<number, Shown>): Arrangement['cells'] {
  return cells.map((one, at) => {
    const now = shown.get(at);
    if (one === null || now === undefined || now.stack.seriesUid !== one.seriesUid) return one;
    const { study, seriesUid, justify } = one;
    const { index, chosen } = now.state;
    return { study, seriesUid, index, ...(justify === undefined ? {} : { justify }), ...chosen };
  });
}

/** Why a stack cannot be cut in other directions; `null` when it can. */
function noVolume(stack: Stack): NoVolume | null {
  if (rendersOnCpu()) return 'cpu';
  const image = stack.instanceByImageId.get(stack.imageIds[0] ?? '');
  if (Number(image?.['00280002']?.Value?.[0] ?? 1) > 1) return 'colour';
  if (stack.imageIds.length * stack.bytesOfOne > imageBudget_bytes()) return 'memory';
  const geometry = volumeGeometry(stack.planes());
  return typeof geometry === 'string' ? geometry : null;
}
