/** The first page: the worklist, or where somebody goes who sees no patients. */
import { useTranslation } from 'react-i18next';
import { Navigate } from 'react-router';
import { administers, hasRole, seesPatients, useMe, worksOnConsults } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';
import { WorklistPage } from '../worklist/WorklistPage';

export function HomePage() {
  const { t } = useTranslation();
  const me = useMe();
  if (worksOnConsults(me)) return <WorklistPage />;
  if (seesPatients(me)) return <Navigate to="/studies" replace />;
  if (hasRole(me, 'security_officer')) return <Navigate to="/security" replace />;
  if (administers(me)) return <Navigate to="/admin" replace />;
  if (hasRole(me, 'auditor')) return <Navigate to="/audit" replace />;
  return <EmptyState title={t('place.none')} />;
}
