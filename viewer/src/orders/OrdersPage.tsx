/** What modalities are to do: by day, added by hand or from a file, and what a modality is answered. */
import { Button, FileButton, Group, SegmentedControl, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { orders } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Order } from '../api/types';
import { hasRole, useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { displayName } from '../ui/personName';
import { useKeys } from '../ui/useKeys';
import { compactDay, dayAfter, isoDay } from './days';
import { ImportResult } from './ImportResult';
import { OrderDialog } from './OrderDialog';
import { OrderTable } from './OrderTable';
import { WorklistPreview } from './WorklistPreview';

const refresh_ms = 15_000;
const page = 200;

export default function OrdersPage() {
  const { t } = useTranslation();
  const me = useMe();
  const cache = useQueryClient();
  const [address, setAddress] = useSearchParams();
  const today = compactDay(new Date());
  const day = /^\d{8}$/.test(address.get('day') ?? '') ? (address.get('day') ?? today) : today;
  const view = address.get('view') === 'worklist' ? 'worklist' : 'list';
  const go = (next: { day?: string; view?: string }) => setAddress({ day, view, ...next }, { replace: true });
  const [adding, setAdding] = useState(false);
  const [cancelling, setCancelling] = useState<Order | null>(null);
  const [limit, setLimit] = useState(page);

  const list = useQuery({
    queryKey: [...keys.orders, day, limit],
    queryFn: () => orders.list({ from: day, to: day, limit }),
    refetchInterval: refresh_ms,
  });
  const refresh = async () => {
    await cache.invalidateQueries({ queryKey: keys.orders });
    await cache.invalidateQueries({ queryKey: keys.modalityWorklist });
  };
  const importing = useMutation({ mutationFn: orders.importFile, onSettled: refresh });
  const mayPlace = hasRole(me, 'requester', 'uploader');
  const free = !adding && cancelling === null;
  useKeys({ '[': () => go({ day: dayAfter(day, -1) }), ']': () => go({ day: dayAfter(day, 1) }), t: () => go({ day: today }) }, free);
  useKeys({ n: () => setAdding(true) }, free && mayPlace);

  const found = list.data?.orders ?? [];
  return (
    <>
      <Group className={pane.bar} gap="sm" justify="space-between">
        <Group gap="xs">
          <Button variant="default" size="compact-md" aria-label={t('orders.dayBefore')} onClick={() => go({ day: dayAfter(day, -1) })}>
            ‹
          </Button>
          <TextInput
            type="date"
            aria-label={t('orders.day')}
            value={isoDay(day)}
            onChange={(event) => event.currentTarget.value !== '' && go({ day: event.currentTarget.value.replaceAll('-', '') })}
          />
          <Button variant="default" size="compact-md" aria-label={t('orders.dayAfter')} onClick={() => go({ day: dayAfter(day, 1) })}>
            ›
          </Button>
          {day !== today && (
            <Button variant="subtle" size="compact-md" onClick={() => go({ day: today })}>
              {t('orders.today')}
            </Button>
          )}
        </Group>
        <SegmentedControl
          aria-label={t('orders.view')}
          data={[
            { value: 'list', label: t('orders.list') },
            { value: 'worklist', label: t('orders.worklist') },
          ]}
          value={view}
          onChange={(next) => go({ view: next })}
        />
        {mayPlace && (
          <Group gap="xs">
            <FileButton onChange={(file) => file !== null && importing.mutate(file)} inputProps={{ 'aria-label': t('orders.import') }}>
              {(props) => (
                <Button variant="default" loading={importing.isPending} {...props}>
                  {t('orders.import')}
                </Button>
              )}
            </FileButton>
            <Button onClick={() => setAdding(true)}>{t('orders.add')}</Button>
          </Group>
        )}
      </Group>
      {importing.isError && <ErrorNotice error={importing.error} />}
      {importing.isSuccess && <ImportResult result={importing.data} onClose={() => importing.reset()} />}
      <div className={pane.pane}>
        {view === 'worklist' && <WorklistPreview day={day} />}
        {view === 'list' && (
          <>
            {list.isPending && <PageSkeleton />}
            {list.isError && list.data === undefined && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
            {list.data !== undefined && found.length === 0 && (
              <EmptyState title={t('orders.empty')} hint={mayPlace ? t('orders.emptyHint') : undefined} />
            )}
            {found.length > 0 && <OrderTable orders={found} onCancel={mayPlace ? setCancelling : undefined} />}
            {list.data?.more === true && (
              <Button variant="default" m="md" onClick={() => setLimit(limit + page)}>
                {t('common.more')}
              </Button>
            )}
          </>
        )}
      </div>
      {adding && (
        <OrderDialog
          day={day}
          onClose={() => setAdding(false)}
          onPlaced={async (placed) => {
            go({ day: placed.order.step.start_date, view: 'list' });
            await refresh();
          }}
        />
      )}
      {cancelling !== null && (
        <ConfirmDialog
          title={t('orders.cancelTitle')}
          consequences={[
            t('orders.cancelText', {
              name: displayName(cancelling.order.patient.name),
              procedure: cancelling.order.procedure?.description ?? cancelling.order.step.description ?? '',
            }),
            t('orders.cancelFinal'),
          ]}
          confirm={t('orders.cancel')}
          final
          onConfirm={() => orders.cancel(cancelling.id).finally(refresh)}
          onClose={() => setCancelling(null)}
        />
      )}
    </>
  );
}
