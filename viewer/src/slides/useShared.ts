/** A value kept in this browser, the same for everything on the page that shows it. */
import { useCallback, useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../ui/useStored';

const values = new Map<string, unknown>();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useShared<T>(key: string, fallback: T): [T, (value: T) => void] {
  const read = () => {
    if (!values.has(key)) values.set(key, readStored<T>(key, fallback));
    return values.get(key) as T;
  };
  const keep = useCallback(
    (value: T) => {
      values.set(key, value);
      writeStored(key, value);
      for (const listener of listeners) listener();
    },
    [key],
  );
  return [useSyncExternalStore(subscribe, read), keep];
}
