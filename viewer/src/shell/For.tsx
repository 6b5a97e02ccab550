/** Pages for some people only: to others it is said, and nothing is asked of the server. */
import { useTranslation } from 'react-i18next';
import { Outlet } from 'react-router';
import type { Me } from '../api/types';
import { useMe } from '../session/useMe';
import { EmptyState } from '../ui/EmptyState';

export function For({ may }: { may: (me: Me) => boolean }) {
  const { t } = useTranslation();
  return may(useMe()) ? <Outlet /> : <EmptyState title={t('problem.forbidden')} />;
}
