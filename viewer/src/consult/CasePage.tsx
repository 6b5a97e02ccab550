/** A consult by its address: the reading page for those who answer, the waiting page for those who asked. */
import { lazy } from 'react';
import { useParams } from 'react-router';
import { isProblem } from '../api/problem';
import type { Consult, Me } from '../api/types';
import { hasRole, useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { RequesterCase } from './RequesterCase';
import { useConsult } from './useConsult';

const ReadingPage = lazy(() => import('../reading/ReadingPage'));
const LostAccess = lazy(() => import('../reading/LostAccess'));

function answers(me: Me, consult: Consult): boolean {
  return me.organisation.id === consult.reading.id && hasRole(me, 'reader', 'reviewer', 'coordinator', 'quality_control');
}

export function CasePage() {
  const { id = '' } = useParams();
  const me = useMe();
  const consult = useConsult(id);
  const retry = () => void consult.refetch();
  // What may not be seen any more is not left standing; what was typed is.
  if (isProblem(consult.error, 'forbidden') || isProblem(consult.error, 'not-found')) return <LostAccess id={id} error={consult.error} onRetry={retry} />;
  if (consult.data === undefined) return consult.isError ? <ErrorNotice error={consult.error} onRetry={retry} /> : <PageSkeleton />;
  // Once a colleague has taken the case, what this page held of the report is not the report any more.
  const others = consult.data.timeline.findLastIndex(({ state, by }) => state === 'reading' && by !== null && by.id !== me.person.id);
  return answers(me, consult.data) ? (
    <ReadingPage key={`${consult.data.id}/${others}`} consult={consult.data} />
  ) : (
    <RequesterCase consult={consult.data} />
  );
}
