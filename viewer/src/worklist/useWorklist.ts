/** The worklist's rows and counts, page behind page, fresh every few seconds. */
import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { consults, type WorklistFilter } from '../api/endpoints';
import { keys } from '../api/queries';
import type { ConsultRow } from '../api/types';
import { distinct } from './distinct';

const page = 100;
const refresh_ms = 10_000;
/** Whoever has scrolled far has many pages, which are asked for again one after the other. */
const refreshOfMany_ms = 60_000;

export function useWorklist(filter: Omit<WorklistFilter, 'cursor' | 'limit'>) {
  const found = useInfiniteQuery({
    queryKey: [...keys.consults, filter],
    queryFn: ({ pageParam, signal }) => consults.list({ ...filter, limit: page, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 5 ? refreshOfMany_ms : refresh_ms),
  });
  const rows = useMemo(() => distinct(found.data?.pages.flatMap(({ consults }) => consults) ?? []), [found.data]);
  return { ...found, rows, counts: found.data?.pages[0]?.counts };
}

export function useClaim() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (consult: ConsultRow) => consults.act(consult.id, 'claim', consult.version),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.consults }),
  });
}
