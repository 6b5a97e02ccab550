/** Rules and duty, fresh where they are shown. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/queries';
import { assignment, type Duty } from './api';

export function useDuties(enabled: boolean) {
  return useQuery({ queryKey: keys.duties, queryFn: assignment.duties, enabled });
}

/** What changes with every consult, and is old after a while. */
const refresh_ms = 15_000;

export function useOverview() {
  return useQuery({ queryKey: keys.dutyOverview, queryFn: assignment.overview, refetchInterval: refresh_ms });
}

export function useSetDuty() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ person, duty }: { person: string; duty: Duty }) => assignment.setDuty(person, duty),
    onSettled: () => Promise.all([keys.duties, keys.dutyOverview].map((queryKey) => cache.invalidateQueries({ queryKey }))),
  });
}
