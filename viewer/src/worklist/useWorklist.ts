/** The worklist's rows and counts, fresh every few seconds. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { consults, type WorklistFilter } from '../api/endpoints';
import { keys } from '../api/queries';
import type { ConsultRow } from '../api/types';

const refresh_ms = 10_000;

export function useWorklist(filter: WorklistFilter) {
  return useQuery({
    queryKey: [...keys.consults, filter],
    queryFn: ({ signal }) => consults.list(filter, signal),
    placeholderData: keepPreviousData,
    refetchInterval: refresh_ms,
  });
}

export function useClaim() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (consult: ConsultRow) => consults.act(consult.id, 'claim', consult.version),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.consults }),
  });
}
