/** A study with its series. */
import { useQueries, useQuery } from '@tanstack/react-query';
import { studies } from '../api/endpoints';
import { keys } from '../api/queries';
import type { ConsultStudy, StudyDetail } from '../api/types';

const fresh_ms = 60_000;
/** The newest are compared with; more would only be a longer list. */
const priorsMax = 5;

/** Nothing as long as `uid` is empty. */
export function useStudy(org: string, uid: string) {
  return useQuery({ queryKey: keys.study(org, uid), queryFn: () => studies.get(org, uid), staleTime: fresh_ms, enabled: uid !== '' });
}

/** Earlier studies, the newest first, once all have come: what hangs names them by their places. One that may no longer be seen is left out. */
export function usePriors(priors: readonly ConsultStudy[]): StudyDetail[] {
  const newest = [...priors].sort((a, b) => b.study_date.localeCompare(a.study_date)).slice(0, priorsMax);
  return useQueries({
    queries: newest.map(({ org, study_instance_uid: uid }) => ({
      queryKey: keys.study(org, uid),
      queryFn: () => studies.get(org, uid),
      staleTime: fresh_ms,
    })),
    combine: found,
  });
}

const none: StudyDetail[] = [];

export function found(results: readonly { data?: StudyDetail | undefined; isPending: boolean }[]): StudyDetail[] {
  return results.some(({ isPending }) => isPending) ? none : results.flatMap(({ data }) => data ?? []);
}
