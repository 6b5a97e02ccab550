/** Ask: which study, what is the question, send. Three steps on one page. */
import { useSearchParams } from 'react-router';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { AskForm } from './AskForm';
import { useConsult } from './useConsult';

export function AskPage() {
  const [address] = useSearchParams();
  const draft = address.get('draft');
  if (draft !== null) return <ContinueDraft id={draft} />;
  const org = address.get('org');
  const study = address.get('study');
  const start = org === null || study === null ? null : { org, study_instance_uid: study, slide_id: address.get('slide') };
  return <AskForm key={study} study={start} consult={null} />;
}

function ContinueDraft({ id }: { id: string }) {
  const consult = useConsult(id);
  if (consult.data !== undefined) return <AskForm study={null} consult={consult.data} />;
  return consult.isError ? <ErrorNotice error={consult.error} onRetry={() => void consult.refetch()} /> : <PageSkeleton />;
}
