/** What waits to be done for other nodes: how often it was tried, when it is tried next, why it failed. */
import { Button, Group, SegmentedControl, Table } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { forwarding } from '../api/endpoints';
import { keys } from '../api/queries';
import type { QueuedJob, QueueKind } from '../api/types';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import { queueAbout, statusOf } from './queueAbout';

const kinds: QueueKind[] = ['forward', 'retrieve', 'commitment'];
const refresh_ms = 5_000;
const page = 100;

export function QueuePane({ mayRemove }: { mayRemove: boolean }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [kind, setKind] = useState<QueueKind>('forward');
  const [limit, setLimit] = useState(page);
  const [removing, setRemoving] = useState<QueuedJob | null>(null);
  const queue = useQuery({
    queryKey: [...keys.queue, kind, limit],
    queryFn: () => forwarding.queue(kind, limit),
    refetchInterval: refresh_ms,
  });
  const refresh = () => cache.invalidateQueries({ queryKey: keys.queue });
  const retry = useMutation({ mutationFn: (id: number | undefined) => forwarding.retry(kind, id), onSettled: refresh });
  const jobs = queue.data?.jobs ?? [];
  return (
    <>
      <Group justify="space-between" px="md" py="xs">
        <SegmentedControl
          aria-label={t('queue.kinds')}
          data={kinds.map((value) => ({ value, label: t(`queue.kind.${value}`) }))}
          value={kind}
          onChange={(value) => setKind(kinds.find((known) => known === value) ?? 'forward')}
        />
        {jobs.length > 0 && (
          <Button variant="default" loading={retry.isPending && retry.variables === undefined} onClick={() => retry.mutate(undefined)}>
            {t('queue.retryAll')}
          </Button>
        )}
      </Group>
      {retry.isError && <ErrorNotice error={retry.error} />}
      {queue.isPending && <PageSkeleton />}
      {queue.isError && queue.data === undefined && <ErrorNotice error={queue.error} onRetry={() => void queue.refetch()} />}
      {queue.data !== undefined && jobs.length === 0 && <EmptyState title={t('queue.empty')} hint={t(`queue.emptyHint.${kind}`)} />}
      {jobs.length > 0 && (
        <PaneTable
          columns={[
            t('queue.column.destination'),
            t('queue.column.about'),
            t('queue.column.state'),
            t('queue.column.attempts'),
            t('queue.column.next'),
            t('queue.column.problem'),
            '',
          ]}
          tight
        >
          {jobs.map((job) => (
            <Row
              key={job.id}
              job={job}
              retrying={retry.isPending && retry.variables === job.id}
              onRetry={() => retry.mutate(job.id)}
              onRemove={mayRemove ? () => setRemoving(job) : undefined}
            />
          ))}
        </PaneTable>
      )}
      {jobs.length === limit && (
        <Button variant="default" m="md" onClick={() => setLimit(limit + page)}>
          {t('common.more')}
        </Button>
      )}
      {removing !== null && (
        <ConfirmDialog
          title={t('queue.removeTitle')}
          consequences={[t(`queue.removeText.${kind}`, { destination: removing.destination }), t('queue.removeFinal')]}
          confirm={t('queue.remove')}
          final
          onConfirm={() => forwarding.remove(kind, removing.id).finally(refresh)}
          onClose={() => setRemoving(null)}
        />
      )}
    </>
  );
}

interface RowProps {
  job: QueuedJob;
  retrying: boolean;
  onRetry: () => void;
  onRemove: (() => void) | undefined;
}

function Row({ job, retrying, onRetry, onRemove }: RowProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const tone = job.state === 'set_aside' ? 'alarm' : job.state === 'running' ? 'active' : 'quiet';
  return (
    <Table.Tr>
      <Table.Td>
        <strong>{job.destination}</strong>
      </Table.Td>
      <Table.Td>
        {queueAbout(job.about)}
        <div className={pane.quiet}>{t('queue.queuedAt', { at: format.moment(job.queued_at) })}</div>
      </Table.Td>
      <Table.Td>
        <Chip tone={tone}>{t(`queue.state.${job.state}`)}</Chip>
      </Table.Td>
      <Table.Td>{t('queue.attempts', { n: job.attempts })}</Table.Td>
      <Table.Td className={pane.fixed}>{job.state === 'waiting' ? format.moment(job.due_at) : ''}</Table.Td>
      <Table.Td className={pane.fault} title={job.problem}>
        {job.problem_code !== '' && t(`queue.problem.${job.problem_code}`, { number: statusOf(job.problem) })}
      </Table.Td>
      <Table.Td>
        {job.state !== 'running' && (
          <Group gap="xs" justify="flex-end" wrap="nowrap">
            <Button size="compact-sm" variant="default" loading={retrying} onClick={onRetry}>
              {t('queue.retry')}
            </Button>
            {onRemove !== undefined && (
              <Button size="compact-sm" variant="default" onClick={onRemove}>
                {t('queue.remove')}
              </Button>
            )}
          </Group>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
