/** Whether a consult's signed report still verifies, as the server finds it now. */
import { useQuery } from '@tanstack/react-query';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';

export function useVerdict(id: string) {
  return useQuery({ queryKey: keys.verdict(id), queryFn: () => consults.verdict(id), staleTime: 60_000 });
}
