/** Where the report of a case has gone, for whoever asked and whoever answered; nothing where it goes nowhere. */
import { Paper, Stack, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ErrorNotice } from '../ui/ErrorNotice';
import { deliveries } from './api';
import classes from './Deliveries.module.css';
import { DeliveryLine } from './DeliveryLine';

const refresh_ms = 5_000;

export function CaseDeliveries({ consult, framed }: { consult: string; framed: boolean }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({
    queryKey: keys.deliveries(consult),
    queryFn: () => deliveries.of(consult),
    // Jobs move by themselves, also where no live line says so.
    refetchInterval: ({ state }) => (state.data?.deliveries.some(({ state: at }) => at === 'waiting' || at === 'sending') ? refresh_ms : false),
  });
  const send = useMutation({
    mutationFn: deliveries.send,
    onSettled: () => cache.invalidateQueries({ queryKey: keys.deliveries(consult) }),
  });
  if (list.data === undefined || list.data.deliveries.length === 0) return null;
  const lines = (
    <Stack gap={4}>
      <Title order={2} size="h4">
        {t('delivery.title')}
      </Title>
      {send.isError && <ErrorNotice error={send.error} />}
      <ul className={classes.list} aria-label={t('delivery.title')}>
        {list.data.deliveries.map((delivery) => (
          <DeliveryLine
            key={delivery.id}
            delivery={delivery}
            sending={send.isPending && send.variables.id === delivery.id}
            onSend={list.data.may_send ? () => send.mutate(delivery) : null}
          />
        ))}
      </ul>
    </Stack>
  );
  return framed ? (
    <Paper withBorder p="md" component="section">
      {lines}
    </Paper>
  ) : (
    lines
  );
}
