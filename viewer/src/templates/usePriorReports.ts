/** Earlier reports on the patient of a case. Asking for them is on record, so it is done once somebody wants to see them. */
import { useQuery } from '@tanstack/react-query';
import { priorReports, templateKeys } from './api';

export function usePriorReports(consult: string, enabled: boolean) {
  return useQuery({ queryKey: templateKeys.priorReports(consult), queryFn: () => priorReports(consult), staleTime: 300_000, enabled });
}
