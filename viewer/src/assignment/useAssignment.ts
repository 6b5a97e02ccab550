/** Rules and duty, fresh where they are shown. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../api/queries';
import { assignment, type Duty } from './api';

export function useDuties(enabled: boolean) {
  return useQuery({ queryKey: keys.duties, queryFn: assignment.duties, enabled });
}

export function useSetDuty() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ person, duty }: { person: string; duty: Duty }) => assignment.setDuty(person, duty),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.duties }),
  });
}
