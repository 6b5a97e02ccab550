/** Who did what to which, newest first: for the auditor. */
import { Button, Table } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { audit } from '../api/endpoints';
import { keys } from '../api/queries';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import classes from './Audit.module.css';

const page = 100;

export default function AuditPage() {
  const { t, i18n } = useTranslation();
  // A word that the server knows and we do not is shown as it is rather than left out.
  const word = (of: 'action' | 'outcome', code: string) =>
    i18n.exists(`audit.${of}.${code}`) ? i18n.t(`audit.${of}.${code}` as 'audit.action.read') : code;
  const format = useFormat();
  const events = useInfiniteQuery({
    queryKey: keys.audit,
    queryFn: ({ pageParam }) => audit.list(page, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => (last.events.length < page ? undefined : last.events.at(-1)?.seq),
  });
  if (events.isPending) return <PageSkeleton />;
  if (events.isError) return <ErrorNotice error={events.error} onRetry={() => void events.refetch()} />;
  const rows = events.data.pages.flatMap((one) => one.events);
  if (rows.length === 0) return <EmptyState title={t('audit.empty')} />;
  return (
    <div className={classes.list}>
      <Table stickyHeader fz="sm" horizontalSpacing="sm" verticalSpacing={4}>
        <Table.Thead className={classes.head}>
          <Table.Tr>
            <Table.Th>{t('audit.column.seq')}</Table.Th>
            <Table.Th>{t('audit.column.at')}</Table.Th>
            <Table.Th>{t('audit.column.actor')}</Table.Th>
            <Table.Th>{t('audit.column.address')}</Table.Th>
            <Table.Th>{t('audit.column.action')}</Table.Th>
            <Table.Th>{t('audit.column.object')}</Table.Th>
            <Table.Th>{t('audit.column.outcome')}</Table.Th>
            <Table.Th>{t('audit.column.detail')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((event) => (
            <Table.Tr key={event.seq}>
              <Table.Td>{event.seq}</Table.Td>
              <Table.Td className={classes.at}>{format.moment(event.at)}</Table.Td>
              <Table.Td className={classes.object}>{event.actor_name ?? event.actor}</Table.Td>
              <Table.Td>{event.address}</Table.Td>
              <Table.Td>{word('action', event.action)}</Table.Td>
              <Table.Td className={classes.object}>{event.object}</Table.Td>
              <Table.Td>{word('outcome', event.outcome)}</Table.Td>
              <Table.Td className={classes.object}>{event.detail}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {events.hasNextPage && (
        <Button variant="default" m="md" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </div>
  );
}
