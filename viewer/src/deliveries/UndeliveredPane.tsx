/** What did not arrive: reports in other systems, e-mail, webhook calls. For administrator and coordinator. */
import { Button, Table, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import { deliveries, type Untold } from './api';
import classes from './Deliveries.module.css';
import { DeliveryLine } from './DeliveryLine';

const refresh_ms = 10_000;

export function UndeliveredPane() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.undelivered, queryFn: deliveries.undelivered, refetchInterval: refresh_ms });
  const refresh = () => cache.invalidateQueries({ queryKey: keys.undelivered });
  const send = useMutation({ mutationFn: deliveries.send, onSettled: refresh });
  const tell = useMutation({ mutationFn: deliveries.tellAgain, onSettled: refresh });
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { deliveries: reports, notices } = list.data;
  if (reports.length === 0 && notices.length === 0) {
    return <EmptyState title={t('undelivered.empty')} hint={t('undelivered.emptyHint')} />;
  }
  return (
    <>
      {(send.isError || tell.isError) && <ErrorNotice error={send.error ?? tell.error} />}
      {reports.length > 0 && (
        <section className={classes.block}>
          <Title order={2} size="h5" py="xs">
            {t('undelivered.reports')}
          </Title>
          <ul className={classes.list} aria-label={t('undelivered.reports')}>
            {reports.map((delivery) => (
              <DeliveryLine
                key={delivery.id}
                delivery={delivery}
                title={`${delivery.number} · `}
                sending={send.isPending && send.variables.id === delivery.id}
                onSend={() => send.mutate(delivery)}
              />
            ))}
          </ul>
        </section>
      )}
      {notices.length > 0 && (
        <section>
          <Title order={2} size="h5" px="md" py="xs">
            {t('undelivered.notices')}
          </Title>
          <PaneTable
            columns={[
              t('undelivered.way'),
              t('undelivered.what'),
              t('queue.column.state'),
              t('queue.column.attempts'),
              t('queue.column.next'),
              t('queue.column.problem'),
              '',
            ]}
            tight
          >
            {notices.map((untold) => (
              <UntoldRow
                key={untold.id}
                untold={untold}
                sending={tell.isPending && tell.variables === untold.id}
                onSend={() => tell.mutate(untold.id)}
              />
            ))}
          </PaneTable>
        </section>
      )}
    </>
  );
}

function UntoldRow({ untold, sending, onSend }: { untold: Untold; sending: boolean; onSend: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const tone = untold.state === 'set_aside' ? 'alarm' : untold.state === 'running' ? 'active' : 'quiet';
  return (
    <Table.Tr>
      <Table.Td>{t(`undelivered.by.${untold.way}`)}</Table.Td>
      <Table.Td>
        {untold.what !== null && t(`notice.what.${untold.what}`)} <span className={pane.quiet}>{untold.number}</span>
      </Table.Td>
      <Table.Td>
        <Chip tone={tone}>{t(`queue.state.${untold.state}`)}</Chip>
      </Table.Td>
      <Table.Td>{t('queue.attempts', { n: untold.attempts })}</Table.Td>
      <Table.Td className={pane.fixed}>{untold.state === 'waiting' ? format.moment(untold.due_at) : ''}</Table.Td>
      <Table.Td className={pane.fault} title={untold.problem}>
        {untold.problem_code !== '' && t(`untold.${untold.problem_code}`, { number: untold.problem.split(' ').at(-1) ?? '' })}
      </Table.Td>
      <Table.Td>
        {untold.state !== 'running' && (
          <Button size="compact-sm" variant="default" loading={sending} onClick={onSend}>
            {t('queue.retry')}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
