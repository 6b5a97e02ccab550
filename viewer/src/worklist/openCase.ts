/** Opening a case from the list: what its page will need is asked for at once, all together. */
import { consults, studies } from '../api/endpoints';
import { keys, queryClient } from '../api/queries';
import type { ConsultRow } from '../api/types';
import { markOpen } from '../ui/timing';

export function caseAddress(row: ConsultRow): string {
  return row.state === 'draft' && row.allowed.includes('edit') ? `/ask?draft=${row.id}` : `/cases/${row.id}`;
}

export function fetchCase(row: ConsultRow): void {
  markOpen();
  void queryClient.prefetchQuery({ queryKey: keys.consult(row.id), queryFn: () => consults.get(row.id) });
  const { study } = row;
  if (row.slide_id !== null) return;
  void queryClient.prefetchQuery({
    queryKey: keys.study(study.org, study.study_instance_uid),
    queryFn: () => studies.get(study.org, study.study_instance_uid),
  });
}
