/** A study with its series. */
import { useQuery } from '@tanstack/react-query';
import { studies } from '../api/endpoints';
import { keys } from '../api/queries';

export function useStudy(org: string, uid: string) {
  return useQuery({ queryKey: keys.study(org, uid), queryFn: () => studies.get(org, uid), staleTime: 60_000 });
}
