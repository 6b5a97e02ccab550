/** Any two identities side by side, to be linked or told apart. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { patients, type Pair, type Verdict } from './api';
import { PairTable } from './PairTable';
import { usePair, useRefresh } from './usePatients';

interface Props {
  one: string;
  other: string;
  onClose: () => void;
}

export function PairDialog({ one, other, onClose }: Props) {
  const { t } = useTranslation();
  const pair = usePair(one, other);
  return (
    <Modal opened onClose={onClose} title={t('patients.question')} size="lg" closeButtonProps={{ 'aria-label': t('common.close') }}>
      {pair.data !== undefined ? (
        <Decide pair={pair.data} onClose={onClose} />
      ) : pair.isPending ? (
        <PageSkeleton />
      ) : (
        <ErrorNotice error={pair.error} onRetry={() => void pair.refetch()} />
      )}
    </Modal>
  );
}

function Decide({ pair, onClose }: { pair: Pair; onClose: () => void }) {
  const { t } = useTranslation();
  const refresh = useRefresh();
  const [reason, setReason] = useState('');
  const decide = useMutation({
    mutationFn: (verdict: Verdict) => patients.decide(pair, verdict, reason),
    onSuccess: async () => {
      onClose();
      await refresh();
    },
  });
  const stands = (state: Pair['state']) => pair.is_decided && pair.state === state;
  return (
    <Stack gap="md">
      <PairTable pair={pair} />
      <TextInput label={t('patients.reason')} value={reason} maxLength={500} onChange={(event) => setReason(event.currentTarget.value)} />
      {decide.isError && <ErrorNotice error={decide.error} />}
      <Group justify="flex-end">
        <Button variant="default" disabled={stands('apart')} loading={decide.isPending} onClick={() => decide.mutate('different')}>
          {t('patients.different')}
        </Button>
        <Button disabled={stands('linked')} loading={decide.isPending} onClick={() => decide.mutate('same')}>
          {t('patients.same')}
        </Button>
      </Group>
    </Stack>
  );
}
