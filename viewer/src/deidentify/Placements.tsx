/** What of the own organisation's studies lies in which teaching collection, how far it is, and taking it out again. */
import { Button, Group, Select, Table } from '@mantine/core';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { dicomDate } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { displayName } from '../ui/personName';
import { useFormat } from '../ui/useFormat';
import { collectionKeys, deidentification, isBusy, placementKeys, type LeftOut, type Placement } from './api';

const page = 50;
const soon_ms = 2000;
const tone = { waiting: 'quiet', putting: 'active', there: 'done', failed: 'alarm', taking_out: 'active' } as const;

export function Placements() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const collections = useQuery({ queryKey: collectionKeys, queryFn: deidentification.collections });
  const [collection, setCollection] = useState<string | null>(null);
  const [limit, setLimit] = useState(page);
  const [taken, setTaken] = useState<Placement | null>(null);
  const list = useQuery({
    queryKey: [...placementKeys, collection, limit],
    queryFn: () => deidentification.placements({ collection: collection ?? undefined, limit }),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.placements.some(isBusy) === true ? soon_ms : false),
  });
  const rows = list.data?.placements ?? [];
  return (
    <>
      <Group px="md" py="xs">
        <Select
          aria-label={t('deidentify.intoWhere')}
          w={260}
          clearable
          placeholder={t('deidentify.placed.all')}
          data={(collections.data?.collections ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          value={collection}
          onChange={setCollection}
        />
      </Group>
      {list.isPending && <PageSkeleton rows={4} />}
      {list.isError && list.data === undefined && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
      {list.data !== undefined && rows.length === 0 && (
        <EmptyState title={t('deidentify.placed.empty')} hint={t('deidentify.placed.emptyHint')} />
      )}
      {rows.length > 0 && (
        <Table className={pane.table} stickyHeader fz="sm" horizontalSpacing="sm" verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('deidentify.pseudonym')}</Table.Th>
              <Table.Th>{t('deidentify.intoWhere')}</Table.Th>
              <Table.Th>{t('deidentify.placed.source')}</Table.Th>
              <Table.Th>{t('deidentify.placed.project')}</Table.Th>
              <Table.Th>{t('deidentify.placed.at')}</Table.Th>
              <Table.Th>{t('deidentify.placed.images')}</Table.Th>
              <Table.Th>{t('deidentify.placed.state')}</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((placement) => (
              <Row key={placement.id} placement={placement} onTakeOut={() => setTaken(placement)} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      {list.data?.more === true && (
        <Button variant="default" m="md" onClick={() => setLimit(limit + page)}>
          {t('common.more')}
        </Button>
      )}
      {taken !== null && (
        <ConfirmDialog
          title={t('deidentify.placed.takeOutTitle', { name: taken.collection.name, who: taken.pseudonym })}
          consequences={[t('deidentify.placed.takeOutText', { n: taken.instances }), t('deidentify.placed.takeOutLater')]}
          confirm={t('deidentify.placed.takeOut')}
          final
          onConfirm={() => deidentification.takeOut(taken.id).finally(() => cache.invalidateQueries({ queryKey: placementKeys }))}
          onClose={() => setTaken(null)}
        />
      )}
    </>
  );
}

function Row({ placement, onTakeOut }: { placement: Placement; onTakeOut: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { study, state, why, left_out } = placement;
  const left = Object.entries(left_out) as [LeftOut, number][];
  const putting = state === 'waiting' || state === 'putting';
  return (
    <Table.Tr>
      <Table.Td>
        <code>{placement.pseudonym}</code>
      </Table.Td>
      <Table.Td data-label={t('deidentify.intoWhere')}>{placement.collection.name}</Table.Td>
      <Table.Td data-label={t('deidentify.placed.source')}>
        {study === null ? (
          <span className={pane.quiet}>{t('deidentify.placed.unknown')}</span>
        ) : (
          <>
            {displayName(study.patient_name) || study.study_instance_uid}
            <div className={pane.quiet}>
              {study.description} {dicomDate(study.study_date)}
            </div>
          </>
        )}
      </Table.Td>
      <Table.Td data-label={t('deidentify.placed.project')}>
        {placement.project_name}
        <div className={pane.quiet}>{t(`deidentify.purposeOf.${placement.purpose}`)}</div>
      </Table.Td>
      <Table.Td className={pane.fixed} data-label={t('deidentify.placed.at')}>
        {format.moment(placement.at)}
      </Table.Td>
      <Table.Td data-label={t('deidentify.placed.images')}>
        {putting
          ? t('deidentify.placed.progress', { n: placement.instances, of: placement.of })
          : t('deidentify.placed.count', { n: placement.instances })}
        {left.length > 0 && (
          <div className={pane.quiet}>
            {t('deidentify.placed.leftOut', {
              n: left.reduce((sum, [, count]) => sum + count, 0),
              why: left.map(([word]) => t(`deidentify.placed.left.${word}`)).join(t('common.listSeparator')),
            })}
          </div>
        )}
      </Table.Td>
      <Table.Td>
        <Chip tone={tone[state]}>{t(`deidentify.placed.stateOf.${state}`)}</Chip>
        {why !== '' && <div className={pane.fault}>{t(`deidentify.placed.why.${why}`)}</div>}
      </Table.Td>
      <Table.Td>
        {state !== 'taking_out' && (
          <Button size="compact-sm" variant="default" onClick={onTakeOut}>
            {t('deidentify.placed.takeOut')}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
