/** The worklist's rows and counts, page behind page; the first and those about the screen are fresh every few seconds. */
import { keepPreviousData, useMutation, useQueries, useQuery, useQueryClient, type QueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { consults, type WorklistFilter } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Consult, ConsultList, ConsultRow } from '../api/types';
import { joined, orderOf, readPage } from './pages';

type Filter = Omit<WorklistFilter, 'cursor' | 'limit'>;

/** Rows of the first page, which somebody waits for, and of each behind it: as many as the server gives. */
const limits = { first: 100, further: 200 };
/** So many rows before and after the screen pages are asked for. */
const ahead = 40;
const refresh_ms = 10_000;

function keyOf(filter: Filter, start: string | undefined) {
  return [...keys.consults, filter, start ?? null];
}

function cached(cache: QueryClient, filter: Filter, start: string | undefined): ConsultList | undefined {
  return cache.getQueryData(keyOf(filter, start));
}

/** Where the pages behind the first begin; the last of them may not be there yet. */
function startsOf(cache: QueryClient, filter: Filter): string[] {
  const starts: string[] = [];
  for (let next = cached(cache, filter, undefined)?.next; typeof next === 'string'; next = cached(cache, filter, next)?.next) starts.push(next);
  return starts;
}

function pageQuery(cache: QueryClient, filter: Filter, start: string | undefined) {
  const end = () => {
    const next = cached(cache, filter, start)?.next ?? undefined;
    return next !== undefined && cached(cache, filter, next) !== undefined ? next : undefined;
  };
  return {
    queryKey: keyOf(filter, start),
    queryFn: ({ signal }: { signal: AbortSignal }) => {
      const limit = start === undefined && end() === undefined ? limits.first : limits.further;
      return readPage(start, end, orderOf(filter.tab), (cursor) => consults.list({ ...filter, limit, cursor }, signal));
    },
    refetchInterval: refresh_ms,
  };
}

function combine(results: UseQueryResult<ConsultList>[]) {
  const last = results.at(-1);
  return {
    pages: results.flatMap(({ data, dataUpdatedAt }) => (data === undefined ? [] : [{ rows: data.consults, at: dataUpdatedAt }])),
    // What is not there yet can only be the last.
    missing: last?.data === undefined ? last && { isLoading: last.isLoading, isError: last.isError, retry: last.refetch } : undefined,
    next: last?.data?.next,
  };
}

export function useWorklist(filter: Filter) {
  const cache = useQueryClient();
  const of = JSON.stringify(filter);
  // The pages about the screen, by number. All others stay as they are until somebody comes near.
  const [looked, setLooked] = useState({ of, from: 0, to: 0 });
  const near = looked.of === of ? looked : { from: 0, to: 0 };

  const first = useQuery({ ...pageQuery(cache, filter, undefined), placeholderData: keepPreviousData });
  const starts = startsOf(cache, filter);
  const further = useQueries({
    queries: starts.map((start, index) => ({
      ...pageQuery(cache, filter, start),
      enabled: index + 1 >= near.from && index + 1 <= near.to,
    })),
    combine,
  });
  const { rows, ends } = useMemo(
    () => joined(first.data === undefined ? [] : [{ rows: first.data.consults, at: first.dataUpdatedAt }, ...further.pages]),
    [first.data, first.dataUpdatedAt, further.pages],
  );

  /** These rows are on the screen. */
  const look = useCallback(
    (top: number, bottom: number) => {
      const pageOf = (row: number) => {
        const page = ends.findIndex((end) => row < end);
        return page < 0 ? ends.length : page;
      };
      const [from, to] = [pageOf(top - ahead), pageOf(bottom + ahead)];
      setLooked((before) => (before.of === of && before.from === from && before.to === to ? before : { of, from, to }));
    },
    [of, ends],
  );
  const more = () => {
    if (further.missing?.isError === true) void further.missing.retry();
    else setLooked({ of, from: near.from, to: ends.length });
  };

  return {
    ...first,
    rows,
    counts: first.data?.counts,
    // Each page that begins is there, or it is not: what a page says of its last row is older than the list for a moment.
    hasMore: starts.length > further.pages.length,
    isReadingMore: further.missing?.isLoading === true,
    isMoreFailed: further.missing?.isError === true,
    look,
    more,
  };
}

/** Claims on their way: pressed twice, it is one. */
const claiming = new Map<string, Promise<Consult>>();

function claimOnce({ id, version }: ConsultRow): Promise<Consult> {
  const claimed = claiming.get(id) ?? consults.act(id, 'claim', version).finally(() => claiming.delete(id));
  claiming.set(id, claimed);
  return claimed;
}

export function useClaim() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: claimOnce,
    onSuccess: (claimed) => {
      cache.setQueryData(keys.consult(claimed.id), claimed);
    },
    // What is shown of it does not wait for the lists.
    onSettled: () => {
      void cache.invalidateQueries({ queryKey: keys.consults });
    },
  });
}
