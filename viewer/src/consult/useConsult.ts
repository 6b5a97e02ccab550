/** One consult, and what may be done to it. */
import { useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { consults, type PlainAction, type ReasonedAction } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';

const refresh_ms = 15_000;

export function useConsult(id: string) {
  return useQuery({ queryKey: keys.consult(id), queryFn: () => consults.get(id), refetchInterval: refresh_ms });
}

/** Puts a newer consult where every page looks, and makes lists ask again. */
export function rememberConsult(cache: QueryClient, consult: Consult): void {
  cache.setQueryData(keys.consult(consult.id), consult);
  void cache.invalidateQueries({ queryKey: keys.consults });
}

export type Step =
  | { action: PlainAction }
  | { action: ReasonedAction; reason: string };

/** Acts on the version under which the server has every word of the page, which sends nothing meanwhile. */
export type ActOn = (act: (version: number) => Promise<Consult>) => Promise<Consult>;

/** `actOn`: where words of the page must be with the server first. */
export function useStep(consult: Consult, actOn: ActOn = (act) => act(consult.version)) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (step: Step) =>
      actOn((version) =>
        'reason' in step ? consults.actWithReason(consult.id, step.action, version, step.reason) : consults.act(consult.id, step.action, version),
      ),
    onSuccess: (next) => rememberConsult(cache, next),
    onError: () => cache.invalidateQueries({ queryKey: keys.consult(consult.id) }),
  });
}
