/** Regions and notes on a slide: drawing them, showing them, and the drawer that lists them. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { noteClasses, type NoteClass } from '../../api/slideNotes';
import { hasRole, useMe } from '../../session/useMe';
import { useStored } from '../../ui/useStored';
import { Layer } from '../stage/Layer';
import { useIsIdle, usePane, usePaneKeys, useTool } from '../stage/pane';
import { InSlot } from '../stage/slots';
import { Tool } from '../Tool';
import { useBookmarks } from './bookmarks';
import { CoverageMap } from './CoverageMap';
import { Drawing } from './Drawing';
import { NoteDrawer, type DrawerTab } from './NoteDrawer';
import { NoteIcon } from './NoteIcon';
import { NoteShape } from './NoteShape';
import classes from './Notes.module.css';
import type { Note } from './NoteStore';
import { bounds, kindOf, noteTools, type NoteTool } from './shapes';
import { useCoverage } from './useCoverage';
import { useNotes } from './useNotes';

/** How much of the stage a note fills when it is gone to. */
const shareOfStage = 0.5;

export function NoteTools() {
  const { t } = useTranslation();
  const me = useMe();
  const pane = usePane();
  const { slide, stage } = pane;
  const [notes, store] = useNotes(slide.id);
  const [tab, setTab] = useState<DrawerTab | null>(null);
  const [tool, setTool] = useStored<NoteTool>('farsight.slide.noteTool', 'rectangle');
  const [noteClass, setNoteClass] = useStored<NoteClass>('farsight.slide.noteClass', 'attention');
  const [isDrawing, toggleDrawing, leaveDrawing] = useTool('note');
  const isIdle = useIsIdle();
  const mayDraw = hasRole(me, 'requester') || hasRole(me, 'reader') || hasRole(me, 'reviewer');
  const bookmarks = useBookmarks(pane, () => setTab('bookmarks'));
  const coverage = useCoverage(slide, stage);
  const [mapShown, setMapShown] = useStored('farsight.slide.coverage', false);
  const selected = notes.notes.find(({ key }) => key === notes.selected) ?? null;

  const goTo = (note: Note) => {
    const box = bounds(note.points);
    const { width, height } = stage.size;
    const view = stage.target();
    const fits = Math.min((width * shareOfStage) / Math.max(box.width, 1), (height * shareOfStage) / Math.max(box.height, 1));
    // A point has no size to fill anything with; and nobody is thrown out of a larger view than is needed.
    const zoom = box.width === 0 && box.height === 0 ? Math.max(view?.zoom ?? 0, Math.min(1, fits)) : Math.min(fits, Math.max(view?.zoom ?? 1, 1));
    stage.show({ x: box.x + box.width / 2, y: box.y + box.height / 2, zoom });
    store.select(note.key);
  };

  usePaneKeys({
    o: () => (mayDraw ? toggleDrawing() : false),
    b: () => (mayDraw ? bookmarks.make() : false),
    // While somebody draws, these are about what is drawn.
    Delete: () => (isIdle && selected?.own === true ? store.remove(selected.key) : false),
    Backspace: () => (isIdle && selected?.own === true ? store.remove(selected.key) : false),
    Escape: () => (isIdle && notes.selected !== null ? store.select(null) : false),
  });

  return (
    <>
      <InSlot name="notes">
        <Tool name={t('notes.region')} press="O" pressed={isDrawing} disabled={!mayDraw} onClick={toggleDrawing}>
          <NoteIcon name="pen" />
        </Tool>
        <Tool name={t('notes.bookmark')} press="B" disabled={!mayDraw} onClick={bookmarks.make}>
          <NoteIcon name="bookmark" />
        </Tool>
        <Tool
          name={t('notes.list', { n: notes.notes.length })}
          pressed={tab !== null}
          onClick={() => setTab(tab === null ? 'notes' : null)}
        >
          <NoteIcon name="list" />
          {notes.notes.length > 0 && <span className={classes.count}>{notes.notes.length}</span>}
        </Tool>
        <Tool name={t('notes.coverage')} pressed={mapShown} onClick={() => setMapShown(!mapShown)}>
          <NoteIcon name="eye" />
        </Tool>
      </InSlot>
      {mapShown && <CoverageMap coverage={coverage} />}
      <Layer space="slide">
        {notes.notes.map((note) => (
          <NoteShape
            key={note.key}
            note={note}
            isSelected={note.key === notes.selected}
            isQuiet={isDrawing}
            onSelect={() => {
              store.select(note.key);
              setTab('notes');
            }}
            onReshape={(points) => store.change(note.key, { points })}
          />
        ))}
      </Layer>
      {isDrawing && (
        <>
          <Layer space="screen">
            <Drawing
              key={tool}
              tool={tool}
              onLeave={leaveDrawing}
              onDrawn={(points) => {
                store.add({ kind: kindOf[tool], points, class: noteClass, colour: null, text: '' });
                setTab('notes');
                leaveDrawing();
              }}
            />
          </Layer>
          <Palette tool={tool} onTool={setTool} noteClass={noteClass} onClass={setNoteClass} />
        </>
      )}
      {tab !== null && (
        <InSlot name="right">
          <NoteDrawer
            tab={tab}
            onTab={setTab}
            notes={notes}
            store={store}
            bookmarks={bookmarks}
            onGoTo={goTo}
            mayDraw={mayDraw}
          />
        </InSlot>
      )}
    </>
  );
}

interface PaletteProps {
  tool: NoteTool;
  onTool: (tool: NoteTool) => void;
  noteClass: NoteClass;
  onClass: (noteClass: NoteClass) => void;
}

/** What is drawn with, and as what: beside the slide's upper left corner while somebody draws. */
function Palette({ tool, onTool, noteClass, onClass }: PaletteProps) {
  const { t } = useTranslation();
  usePaneKeys(Object.fromEntries(noteTools.map((name, index) => [`Alt+${index + 1}`, () => onTool(name)])));
  // The keyboard goes on where it was: on the slide.
  const keepFocus = (event: { preventDefault: () => void }) => event.preventDefault();
  return (
    <div className={classes.palette} role="group" aria-label={t('notes.drawWith')}>
      {noteTools.map((name, index) => (
        <button
          key={name}
          type="button"
          className={classes.paletteTool}
          aria-pressed={name === tool}
          aria-label={t(`notes.tool.${name}`)}
          title={`${t(`notes.tool.${name}`)} · Alt+${index + 1}`}
          onPointerDown={keepFocus}
          onClick={() => onTool(name)}
        >
          <NoteIcon name={name} />
        </button>
      ))}
      <select className={classes.paletteClass} aria-label={t('notes.class')} value={noteClass} onChange={(event) => onClass(event.currentTarget.value as NoteClass)}>
        {noteClasses.map((one) => (
          <option key={one} value={one}>
            {t(`notes.classes.${one}`)}
          </option>
        ))}
      </select>
      <span className={classes.paletteHint} role="status">
        {t(`notes.hint.${tool}`)}
      </span>
    </div>
  );
}
