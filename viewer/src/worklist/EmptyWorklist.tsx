/** An empty tab says what would be here, and points to where work waits. */
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { WorklistTab } from '../api/types';
import { EmptyState } from '../ui/EmptyState';

interface Props {
  tab: WorklistTab;
  q: string;
  counts: Record<WorklistTab, number>;
  tabs: WorklistTab[];
  isRequester: boolean;
}

export function EmptyWorklist({ tab, q, counts, tabs, isRequester }: Props) {
  const { t } = useTranslation();
  if (q !== '') return <EmptyState title={t('worklist.empty.search', { q })} />;
  if (tab === 'mine' && isRequester) {
    return <EmptyState title={t('worklist.empty.requester')} hint={t('worklist.empty.requesterHint')} />;
  }
  return (
    <EmptyState title={t('worklist.empty.tab')}>
      {tab === 'mine' && tabs.includes('pool') && counts.pool > 0 && (
        <Button component={Link} to="/?tab=pool" variant="light">
          {t('worklist.empty.toPool', { n: counts.pool })}
        </Button>
      )}
    </EmptyState>
  );
}
