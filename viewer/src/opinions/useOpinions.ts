/** The opinions on a case, and what is stale once one of them has changed. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { opinions, type Opinion } from './api';

const refresh_ms = 30_000;

/** Whether this person's organisation answers the case: nobody else has its opinions before the report. */
export function useOpinions(consult: Consult) {
  const me = useMe();
  return useQuery({
    queryKey: keys.opinions(consult.id),
    queryFn: () => opinions.of(consult.id),
    enabled: me.organisation.id === consult.reading.id,
    refetchInterval: refresh_ms,
  });
}

export function useRememberOpinions(consult: Consult) {
  const cache = useQueryClient();
  return (list: { opinions: Opinion[] }) => {
    cache.setQueryData(keys.opinions(consult.id), list);
    // Whether the report may be signed depends on it.
    void cache.invalidateQueries({ queryKey: keys.consult(consult.id) });
    void cache.invalidateQueries({ queryKey: keys.consults });
  };
}

/** One's own words as the server has them now, so that whoever comes back to the case goes on with them. */
export function useRememberDraft(consultId: string, n: number) {
  const cache = useQueryClient();
  return useCallback(
    (draft: string) => {
      const queryKey = keys.opinions(consultId);
      // An answer that is on its way was given before these words.
      void cache.cancelQueries({ queryKey });
      cache.setQueryData<{ opinions: Opinion[] }>(queryKey, (list) =>
        list === undefined ? undefined : { opinions: list.opinions.map((one) => (one.n === n && one.ending === null ? { ...one, draft } : one)) },
      );
    },
    [cache, consultId, n],
  );
}
