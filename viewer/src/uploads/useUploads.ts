/** What the server knows of uploads, slides that wait for their patient, and watched folders. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { keys } from '../api/queries';
import { uploadsApi, type UploadInfo } from './api';
import { transfers, type Transfer } from './TransferQueue';

export const uploadKeys = {
  list: ['uploads'] as const,
  unidentified: ['unidentified-slides'] as const,
  watched: ['watched-folders'] as const,
};

export function useTransfers(): readonly Transfer[] {
  return useSyncExternalStore(transfers.subscribe, transfers.snapshot);
}

const isMoving = ({ state }: UploadInfo) => state === 'checking' || state === 'importing' || state === 'waiting';

/** Asked again while something moves; a slide that is ready shows in every list. */
export function useUploads(enabled: boolean) {
  const cache = useQueryClient();
  const found = useQuery({
    queryKey: uploadKeys.list,
    queryFn: uploadsApi.list,
    enabled,
    refetchInterval: (query) => (query.state.data?.uploads.some(isMoving) === true ? 1_500 : false),
  });
  useEffect(() => transfers.whenHandedOver(() => void cache.invalidateQueries({ queryKey: uploadKeys.list })), [cache]);
  const ready = found.data?.uploads.filter(({ state }) => state === 'ready').length;
  const before = useRef(ready);
  useEffect(() => {
    const grown = before.current !== undefined && ready !== undefined && ready > before.current;
    before.current = ready;
    if (!grown) return;
    for (const queryKey of [keys.slides, keys.studies, uploadKeys.unidentified]) void cache.invalidateQueries({ queryKey });
  }, [ready, cache]);
  return found;
}

export function useUnidentified() {
  return useQuery({ queryKey: uploadKeys.unidentified, queryFn: uploadsApi.unidentified });
}

export function useWatched() {
  return useQuery({ queryKey: uploadKeys.watched, queryFn: uploadsApi.watched, refetchInterval: 15_000 });
}
