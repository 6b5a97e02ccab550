/** The notes and bookmarks of a slide as lists: go to one, write, choose a class, delete; exchange with other programs. */
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { noteClasses, slideNotes, type NoteAuthor, type NoteClass } from '../../api/slideNotes';
import { useMe } from '../../session/useMe';
import { ErrorNotice } from '../../ui/ErrorNotice';
import { useFormat } from '../../ui/useFormat';
import { formatArea, formatLength } from '../stage/magnification';
import { usePane } from '../stage/pane';
import type { Bookmarks } from './bookmarks';
import { BookmarkList } from './BookmarkList';
import { colourOf } from './colours';
import { useNoteConsult } from './context';
import { NoteIcon } from './NoteIcon';
import classes from './Notes.module.css';
import type { Note, Notes, NoteStore } from './NoteStore';
import { sizeOf } from './shapes';

export type DrawerTab = 'notes' | 'bookmarks';

interface Props {
  tab: DrawerTab;
  onTab: (tab: DrawerTab | null) => void;
  notes: Notes;
  store: NoteStore;
  bookmarks: Bookmarks;
  onGoTo: (note: Note) => void;
  mayDraw: boolean;
}

/** The server takes as many characters. */
const textMax = 4_000;

export function NoteDrawer({ tab, onTab, notes, store, bookmarks, onGoTo, mayDraw }: Props) {
  const { t } = useTranslation();
  return (
    <section className={classes.drawer} aria-label={t('notes.drawer')}>
      <div className={classes.tabs} role="tablist">
        {(['notes', 'bookmarks'] as const).map((name) => (
          <button key={name} type="button" role="tab" aria-selected={tab === name} className={classes.tab} onClick={() => onTab(name)}>
            {t(`notes.tab.${name}`)} {name === 'notes' ? notes.notes.length : bookmarks.list.length}
          </button>
        ))}
        <button type="button" className={classes.close} aria-label={t('common.close')} onClick={() => onTab(null)}>
          ×
        </button>
      </div>
      {tab === 'notes' ? (
        <>
          <SaveLine notes={notes} />
          {notes.isLoaded && notes.notes.length === 0 && <p className={classes.empty}>{t('notes.empty')}</p>}
          <ul className={classes.list}>
            {notes.notes.map((note) => (
              <NoteItem key={note.key} note={note} store={store} isSelected={note.key === notes.selected} onGoTo={() => onGoTo(note)} />
            ))}
          </ul>
          <Exchange store={store} mayDraw={mayDraw} isEmpty={notes.notes.length === 0} />
        </>
      ) : (
        <BookmarkList bookmarks={bookmarks} />
      )}
    </section>
  );
}

/** In one line whether everything is with the server. */
function SaveLine({ notes }: { notes: Notes }) {
  const { t } = useTranslation();
  const states = notes.notes.filter(({ own }) => own).map(({ state }) => state.kind);
  const worst = (['refused', 'conflict', 'offline', 'saving', 'unsaved'] as const).find((kind) => states.includes(kind)) ?? (notes.isReachable ? 'saved' : 'offline');
  return (
    <p className={classes.saveLine} role="status" data-testid="notes-state" data-state={worst}>
      {t(`notes.state.${worst}`)}
    </p>
  );
}

interface ItemProps {
  note: Note;
  store: NoteStore;
  isSelected: boolean;
  onGoTo: () => void;
}

function NoteItem({ note, store, isSelected, onGoTo }: ItemProps) {
  const { t } = useTranslation();
  const { slide } = usePane();
  const [first = ''] = note.text.split('\n');
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isSelected) item.current?.scrollIntoView({ block: 'nearest' });
  }, [isSelected]);
  const size = sizeOf(note.kind, note.points, slide.mpp_um);
  const isLine = note.kind === 'line';
  const shownSize =
    note.kind === 'point' ? '' : slide.mpp_um === null ? `${Math.round(size)} ${isLine ? 'px' : 'px²'}` : isLine ? formatLength(size) : formatArea(size);
  return (
    <li ref={item} className={classes.item} data-selected={isSelected || undefined} data-testid="note-item" data-state={note.state.kind}>
      <button type="button" className={classes.itemHead} onClick={onGoTo} aria-expanded={isSelected}>
        <span className={classes.swatch} style={{ color: colourOf(note) }}>
          <NoteIcon name={note.kind} />
        </span>
        <span className={classes.itemText}>
          <b>{first === '' ? t(`notes.classes.${note.class}`) : first}</b>
          <small>
            {[first === '' ? '' : t(`notes.classes.${note.class}`), shownSize].filter((part) => part !== '').join(' · ')}
          </small>
          <Byline author={note.author} at={note.changed_at} />
        </span>
      </button>
      {isSelected && (note.own ? <NoteEditor note={note} store={store} /> : note.text !== '' && <p className={classes.othersText}>{note.text}</p>)}
    </li>
  );
}

/** Whose it is, of which hospital, for whom, and when. */
export function Byline({ author, at }: { author: NoteAuthor | null; at: string | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const me = useMe();
  const whose = author === null || author.id === me.person.id ? t('notes.mine') : `${author.name} · ${author.organisation.name}`;
  const behalf = author?.on_behalf ?? null;
  return (
    <small className={classes.byline}>
      {whose}
      {behalf !== null && ` · ${t('notes.onBehalf', { number: behalf.number })}`}
      {at !== null && ` · ${format.moment(at)}`}
    </small>
  );
}

function NoteEditor({ note, store }: { note: Note; store: NoteStore }) {
  const { t } = useTranslation();
  const field = useRef<HTMLTextAreaElement>(null);
  const isNew = note.id === null;
  useEffect(() => {
    if (isNew) field.current?.focus();
    // Only when it has just been drawn.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [note.key]);
  const { state } = note;
  return (
    <div className={classes.editor}>
      <textarea
        ref={field}
        className={classes.text}
        aria-label={t('notes.text')}
        placeholder={t('notes.textHint')}
        rows={3}
        maxLength={textMax}
        value={note.text}
        onChange={(event) => store.change(note.key, { text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          event.currentTarget.blur();
          store.select(null);
        }}
      />
      <div className={classes.editorRow}>
        <select
          aria-label={t('notes.class')}
          value={note.class}
          onChange={(event) => store.change(note.key, { class: event.currentTarget.value as NoteClass, colour: null })}
        >
          {noteClasses.map((one) => (
            <option key={one} value={one}>
              {t(`notes.classes.${one}`)}
            </option>
          ))}
        </select>
        <input type="color" aria-label={t('notes.colour')} value={colourOf(note)} onChange={(event) => store.change(note.key, { colour: event.currentTarget.value })} />
        <button type="button" className={classes.remove} aria-label={t('notes.remove')} title={t('notes.remove')} onClick={() => store.remove(note.key)}>
          <NoteIcon name="remove" />
        </button>
      </div>
      {state.kind === 'refused' && <ErrorNotice error={state.error} />}
      {state.kind === 'conflict' && (
        <div role="alert" className={classes.conflict}>
          <p>{t('notes.conflict', { text: state.theirs.text })}</p>
          <button type="button" onClick={() => store.choose(note.key, 'mine')}>
            {t('notes.keepMine')}
          </button>
          <button type="button" onClick={() => store.choose(note.key, 'theirs')}>
            {t('notes.keepTheirs')}
          </button>
        </div>
      )}
    </div>
  );
}

function Exchange({ store, mayDraw, isEmpty }: { store: NoteStore; mayDraw: boolean; isEmpty: boolean }) {
  const { t } = useTranslation();
  const { slide } = usePane();
  const consult = useNoteConsult();
  const file = useRef<HTMLInputElement>(null);
  const [left, setLeft] = useState(0);
  const bring = useMutation({
    mutationFn: (chosen: File) => slideNotes.importGeoJson(slide.id, chosen, consult),
    onSuccess: ({ refused }) => {
      setLeft(refused.length);
      return store.refresh();
    },
  });
  return (
    <div className={classes.exchange}>
      {!isEmpty && (
        <>
          <a href={slideNotes.download(slide.id, 'geojson')} download>
            {t('notes.geojson')}
          </a>
          <a href={slideNotes.download(slide.id, 'dcm')} download>
            {t('notes.dicom')}
          </a>
        </>
      )}
      {mayDraw && (
        <>
          <button type="button" className={classes.link} onClick={() => file.current?.click()} disabled={bring.isPending}>
            {t('notes.import')}
          </button>
          <input
            ref={file}
            type="file"
            hidden
            accept=".geojson,.json,application/geo+json"
            aria-label={t('notes.import')}
            onChange={(event) => {
              const [chosen] = event.currentTarget.files ?? [];
              event.currentTarget.value = '';
              if (chosen !== undefined) bring.mutate(chosen);
            }}
          />
        </>
      )}
      {bring.isSuccess && (
        <p role="status">{left === 0 ? t('notes.imported', { n: bring.data.annotations.length }) : t('notes.importedSome', { n: bring.data.annotations.length, left })}</p>
      )}
      {bring.isError && <ErrorNotice error={bring.error} />}
    </div>
  );
}
