/** The bookmarks of a slide: a field of view with a name and the server's picture of it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { keys } from '../../api/queries';
import { bookmarks, type Bookmark, type BookmarkView } from '../../api/slideNotes';
import type { SlideLook } from '../stage/look';
import { nativeObjective } from '../stage/magnification';
import type { Pane } from '../stage/pane';
import { useNoteConsult } from './context';

const refresh_ms = 10_000;

export function useBookmarkList(slide: string | null) {
  return useQuery({
    queryKey: keys.bookmarks(slide ?? ''),
    queryFn: () => bookmarks.list(slide ?? ''),
    enabled: slide !== null,
    refetchInterval: refresh_ms,
  });
}

/** The plane and the channels that are looked at, where there is a choice. */
function layers({ plane, path, channels }: SlideLook): Pick<BookmarkView, 'z' | 'path' | 'channels'> {
  // While one path is looked at alone, the composition waits.
  const choice = path !== null ? { path } : channels !== null ? { channels } : {};
  return { ...(plane === null ? {} : { z: plane }), ...choice };
}

export interface Bookmarks {
  list: readonly Bookmark[];
  isLoaded: boolean;
  error: Error | null;
  isMaking: boolean;
  make: () => void;
  rename: (bookmark: Bookmark, name: string) => void;
  remove: (bookmark: Bookmark) => void;
  goTo: (bookmark: Bookmark) => void;
}

export function useBookmarks({ slide, stage, look, setLook }: Pane, onMade: () => void): Bookmarks {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const consult = useNoteConsult();
  const list = useBookmarkList(slide.id);
  const show = (change: (now: Bookmark[]) => Bookmark[]) => cache.setQueryData<Bookmark[]>(keys.bookmarks(slide.id), (now = []) => change(now));
  const refetch = () => void cache.invalidateQueries({ queryKey: keys.bookmarks(slide.id) });

  const make = useMutation({
    mutationFn: () => {
      const view = stage.target();
      if (view === null) throw new Error('the slide is not open');
      const { width, height } = stage.size;
      const native = nativeObjective(slide);
      const n = (list.data?.length ?? 0) + 1;
      const name = native === null ? t('notes.bookmarkName', { n }) : t('notes.bookmarkNameAt', { n, x: Number((native * view.zoom).toPrecision(2)) });
      return bookmarks.make(slide.id, name, { ...view, screen_width: width, screen_height: height, ...layers(look) }, consult);
    },
    onSuccess: (made) => {
      show((now) => [...now, made]);
      onMade();
    },
    onError: onMade,
  });
  const rename = useMutation({
    mutationFn: ({ bookmark, name }: { bookmark: Bookmark; name: string }) => bookmarks.rename(slide.id, bookmark.id, bookmark.version, name),
    onSuccess: (renamed) => show((now) => now.map((one) => (one.id === renamed.id ? renamed : one))),
    onError: refetch,
  });
  const remove = useMutation({
    mutationFn: (bookmark: Bookmark) => bookmarks.remove(slide.id, bookmark.id, bookmark.version),
    onSuccess: (_, removed) => show((now) => now.filter(({ id }) => id !== removed.id)),
    onError: refetch,
  });

  return {
    list: list.data ?? [],
    isLoaded: list.data !== undefined,
    error: make.error ?? rename.error ?? remove.error,
    isMaking: make.isPending,
    make: () => {
      if (!make.isPending) make.mutate();
    },
    rename: (bookmark, name) => {
      if (name.trim() !== '' && name.trim() !== bookmark.name) rename.mutate({ bookmark, name: name.trim() });
    },
    remove: (bookmark) => remove.mutate(bookmark),
    goTo: ({ view }) => {
      // The same part of the slide, whatever the window's size is now.
      const { width, height } = stage.size;
      const zoom = view.zoom * Math.min(width / view.screen_width, height / view.screen_height);
      setLook({ ...look, plane: view.z ?? null, path: view.path ?? null, channels: view.channels ?? null });
      stage.show({ x: view.x, y: view.y, zoom, rotation_deg: view.rotation_deg, mirrored: view.mirrored });
    },
  };
}
