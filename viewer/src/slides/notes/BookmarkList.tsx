/** Bookmarks with their pictures: go to one, give it another name, delete it. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { bookmarks as calls, type Bookmark } from '../../api/slideNotes';
import { ErrorNotice } from '../../ui/ErrorNotice';
import { usePane } from '../stage/pane';
import type { Bookmarks } from './bookmarks';
import { Byline } from './NoteDrawer';
import { NoteIcon } from './NoteIcon';
import classes from './Notes.module.css';

const nameMax = 120;

export function BookmarkList({ bookmarks }: { bookmarks: Bookmarks }) {
  const { t } = useTranslation();
  return (
    <>
      {bookmarks.error !== null && <ErrorNotice error={bookmarks.error} />}
      {bookmarks.isMaking && (
        <p className={classes.saveLine} role="status">
          {t('notes.makingBookmark')}
        </p>
      )}
      {bookmarks.isLoaded && bookmarks.list.length === 0 && !bookmarks.isMaking && <p className={classes.empty}>{t('notes.emptyBookmarks')}</p>}
      <ul className={classes.list}>
        {bookmarks.list.map((bookmark) => (
          <BookmarkItem key={bookmark.id} bookmark={bookmark} bookmarks={bookmarks} />
        ))}
      </ul>
    </>
  );
}

function BookmarkItem({ bookmark, bookmarks }: { bookmark: Bookmark; bookmarks: Bookmarks }) {
  const { t } = useTranslation();
  const { slide } = usePane();
  const [name, setName] = useState<string | null>(null);
  const rename = () => {
    if (name !== null) bookmarks.rename(bookmark, name);
    setName(null);
  };
  return (
    <li className={classes.item} data-testid="bookmark-item">
      <button type="button" className={classes.picture} onClick={() => bookmarks.goTo(bookmark)} aria-label={t('notes.goTo', { name: bookmark.name })}>
        <img src={calls.picture(slide.id, bookmark.id)} alt="" loading="lazy" style={{ aspectRatio: `${bookmark.picture.width} / ${bookmark.picture.height}` }} />
      </button>
      <div className={classes.editorRow}>
        {bookmark.own ? (
          <>
            <input
              className={classes.name}
              aria-label={t('notes.name')}
              maxLength={nameMax}
              value={name ?? bookmark.name}
              onChange={(event) => setName(event.currentTarget.value)}
              onBlur={rename}
              onKeyDown={(event) => {
                if (event.key === 'Enter') event.currentTarget.blur();
                if (event.key === 'Escape') setName(null);
              }}
            />
            <button type="button" className={classes.remove} aria-label={t('notes.removeBookmark')} title={t('notes.removeBookmark')} onClick={() => bookmarks.remove(bookmark)}>
              <NoteIcon name="remove" />
            </button>
          </>
        ) : (
          <b className={classes.name}>{bookmark.name}</b>
        )}
      </div>
      <Byline author={bookmark.author} at={bookmark.created_at} />
    </li>
  );
}
