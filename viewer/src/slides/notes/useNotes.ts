/** The notes on a slide, kept up to date with the server's while the page is seen. */
import { useEffect, useState, useSyncExternalStore } from 'react';
import { slideNotes } from '../../api/slideNotes';
import { useMe } from '../../session/useMe';
import { readStored, writeStored } from '../../ui/useStored';
import { useNoteConsult } from './context';
import { NoteStore, type Notes, type Unsent } from './NoteStore';

/** Others' notes appear after as long; when nothing has changed the answer is a few bytes. */
const refresh_ms = 4_000;

function newKey(): string {
  return `new-${crypto.getRandomValues(new Uint32Array(3)).join('-')}`;
}

export function useNotes(slide: string): [Notes, NoteStore] {
  const me = useMe();
  const consult = useNoteConsult();
  const storageKey = `farsight.notes.${slide}.${me.person.id}`;
  const [store] = useState(
    () =>
      new NoteStore(
        {
          list: () => slideNotes.list(slide),
          draw: (draft) => slideNotes.draw(slide, draft, consult),
          change: (id, version, draft) => slideNotes.change(slide, id, version, draft),
          remove: (id, version) => slideNotes.remove(slide, id, version),
          keep: (unsent) => {
            if (unsent.length === 0) localStorage.removeItem(storageKey);
            else writeStored(storageKey, unsent);
          },
          newKey,
        },
        readStored<Unsent[]>(storageKey, []),
      ),
  );
  useEffect(() => {
    const refresh = () => {
      if (document.visibilityState === 'visible') store.refresh().catch(() => undefined);
    };
    const hide = () => store.flush();
    refresh();
    const timer = setInterval(refresh, refresh_ms);
    document.addEventListener('visibilitychange', refresh);
    window.addEventListener('pagehide', hide);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
      window.removeEventListener('pagehide', hide);
      store.flush();
    };
  }, [store]);
  return [useSyncExternalStore(store.subscribe, store.read), store];
}
