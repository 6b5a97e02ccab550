/** Who takes cases by rule now; the coordinator switches for everybody. */
import { Switch, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { PaneTable } from '../ui/PaneTable';
import { useDuties, useSetDuty } from './useAssignment';

export function DutyPane() {
  const { t } = useTranslation();
  const duties = useDuties(true);
  const set = useSetDuty();
  if (duties.isPending) return <PageSkeleton />;
  if (duties.data === undefined) return <ErrorNotice error={duties.error} onRetry={() => void duties.refetch()} />;
  if (duties.data.people.length === 0) return <EmptyState title={t('assignment.noReaders')} />;
  return (
    <>
      <Text size="sm" c="dimmed" px="md" py="xs">
        {t('assignment.dutyHint')}
      </Text>
      {set.isError && <ErrorNotice error={set.error} />}
      <PaneTable columns={[t('assignment.person'), t('assignment.licence'), t('assignment.load'), t('assignment.onDuty')]}>
        {duties.data.people.map((one) => (
          <Table.Tr key={one.id}>
            <Table.Td>
              {one.name} {one.title}
            </Table.Td>
            <Table.Td data-label={t('assignment.licence')}>{one.modalities.join(t('common.listSeparator'))}</Table.Td>
            <Table.Td data-label={t('assignment.load')}>{one.load}</Table.Td>
            <Table.Td>
              <Switch
                aria-label={t('assignment.dutyOf', { name: one.name })}
                checked={one.duty === 'on'}
                onChange={(event) => set.mutate({ person: one.id, duty: event.currentTarget.checked ? 'on' : 'off' })}
              />
            </Table.Td>
          </Table.Tr>
        ))}
      </PaneTable>
    </>
  );
}
