/** Studies' images: series on the left, what hangs beside each other in the middle, tools above. The current study comes first. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Series, StudyDetail } from '../../api/types';
import { useKeys, type Bindings } from '../../ui/useKeys';
import { AskTextDialog, useAskText } from './AskTextDialog';
import { CineBar } from './CineBar';
import { rendersOnCpu, whenContextIsLost } from './engine';
import { cellsOf, hang, imagesOf, layouts, relaid, type Arrangement, type Layout, type Links } from './hanging';
import classes from './Images.module.css';
import { useMammograms } from './mammograms';
import { countImages, useMemory } from './memory';
import { presetsFor } from './presets';
import { SeriesList } from './SeriesList';
import { Stacks } from './stack';
import { Stage } from './Stage';
import type { StackView } from './StackView';
import { layoutKeys, Toolbar } from './Toolbar';
import { actionKeys, toolKeys, type ImageAction, type PointerTool } from './tools';
import { useCine } from './useCine';
import { Viewport, type Shown } from './Viewport';

interface Props {
  studies: readonly StudyDetail[];
  /** Called with the SOP Instance UID of every image that has really been on the screen. */
  onDisplayed?: (sopInstanceUid: string) => void;
}

export default function ImageViewer({ studies, onDisplayed }: Props) {
  const { t } = useTranslation();
  const askText = useAskText();
  const [stage] = useState(() => new Stage(askText.ask));
  const [stacks] = useState(() => new Stacks());
  const memory = useMemory();
  const mammograms = useMammograms(studies[0], stacks);
  const hung = useMemo(() => hang(studies, mammograms), [studies, mammograms]);
  const [chosen, setChosen] = useState<Arrangement | null>(null);
  const arrangement = chosen ?? hung;
  const { layout, cells, links } = arrangement;
  const [wished, setActive] = useState(0);
  const active = Math.min(wished, cells.length - 1);
  const [tool, setTool] = useState<PointerTool>('window');
  const [referenceLines, setReferenceLines] = useState(true);
  const [shown, setShown] = useState<ReadonlyMap<number, Shown>>(new Map());
  const generation = useGeneration();
  const displayed = useRef(onDisplayed);

  useEffect(() => {
    displayed.current = onDisplayed;
  }, [onDisplayed]);
  useEffect(countImages, []);
  useEffect(() => stage.link(links), [stage, links]);

  const here = shown.get(active);
  useEffect(() => {
    if (here !== undefined) stage.activate(here.view);
  }, [stage, here]);

  const onShown = useCallback((at: number, what: Shown | null) => {
    setShown((before) => {
      const after = new Map(before);
      if (what === null) after.delete(at);
      else after.set(at, what);
      return after;
    });
    const sop = what?.stack.sopByImageId.get(what.state.imageId);
    if (sop !== undefined) displayed.current?.(sop);
  }, []);

  const image = here?.stack.instanceByImageId.get(here.state.imageId);
  const cell = cells[active] ?? null;
  const presets = presetsFor(studies[cell?.study ?? 0]?.series.find((one) => one.series_instance_uid === cell?.seriesUid)?.modality ?? '', image);
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

  const bindings: Bindings = {
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
    s: () => link('scroll'),
    'Shift+s': () => link('look'),
    'Shift+r': toggleReferenceLines,
    ...Object.fromEntries(layouts.map((one) => [layoutKeys[one], () => lay(one)])),
    ...Object.fromEntries(Object.entries(toolKeys).map(([name, key]) => [key, () => choose(name as PointerTool)])),
    ...Object.fromEntries(Object.entries(actionKeys).map(([name, key]) => [key, () => run(name as ImageAction)])),
    ...Object.fromEntries(presets.map((preset, index) => [String(index + 1), () => act((view) => view.setWindow(preset))])),
  };
  useKeys(bindings);

  const totals = new Map([...shown.values()].map(({ stack }) => [stack.seriesUid, stack.imageIds.length]));
  return (
    <div className={classes.viewer} data-testid="image-viewer" data-protocol={arrangement.protocol} data-memory-mb={memory.mb}>
      <SeriesList
        studies={studies}
        shown={new Set(cells.flatMap((one) => one?.seriesUid ?? []))}
        current={cell?.seriesUid ?? null}
        memory={memory}
        total={(series) => totals.get(series.series_instance_uid) ?? series.instance_count}
        showThumbnails={shown.size > 0}
        onChoose={(study, series) => put(active, study, series)}
      />
      <div className={classes.stage}>
        <Toolbar
          tool={tool}
          presets={presets}
          layout={layout}
          links={links}
          referenceLines={referenceLines}
          onTool={choose}
          onAction={run}
          onPreset={(preset) => act((view) => view.setWindow(preset))}
          onLayout={lay}
          onLink={link}
          onReferenceLines={toggleReferenceLines}
        >
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
              isActive={at === active}
              isAlone={cells.length === 1}
              onActivate={setActive}
              onDrop={drop}
              onShown={onShown}
            />
          ))}
        </div>
        {rendersOnCpu() && (
          <div className={classes.note} role="status">
            {t('images.cpu')}
          </div>
        )}
      </div>
      <AskTextDialog state={askText} />
    </div>
  );
}

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

/** A number that changes when all viewports have to be made anew. */
function useGeneration(): number {
  const [generation, setGeneration] = useState(0);
  useEffect(() => whenContextIsLost(() => setGeneration((one) => one + 1)), []);
  return generation;
}
