/** Gives a case to one reader, or hands it over: who could read it, and how much each has already. */
import { Radio, Stack, Text, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { rememberConsult, type ActOn } from '../consult/useConsult';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';

interface Props {
  consult: Pick<Consult, 'id'>;
  /** The one who has it gives it away; otherwise the coordinator assigns it. */
  handsOver: boolean;
  actOn: ActOn;
  onClose: () => void;
}

export function AssignDialog({ consult, handsOver, actOn, onClose }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [person, setPerson] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const found = useQuery({ queryKey: keys.candidates(consult.id), queryFn: () => consults.candidates(consult.id), staleTime: 0 });
  const confirm = async () => {
    if (person === null) return;
    rememberConsult(cache, await actOn((version) => consults.assign(consult.id, version, person, reason.trim())));
  };
  return (
    <ConfirmDialog
      title={t(handsOver ? 'consult.assign.handOver' : 'consult.assign.title')}
      consequences={[]}
      confirm={t(handsOver ? 'consult.action.assign' : 'consult.action.assignFirst')}
      ready={person !== null}
      onConfirm={confirm}
      onClose={onClose}
    >
      {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
      <Radio.Group label={t('consult.assign.person')} value={person} onChange={setPerson}>
        <Stack gap="xs" mt="xs">
          {found.data?.candidates.map((one) => (
            <Radio key={one.id} value={one.id} label={`${one.name} ${one.title}`} description={t('consult.assign.load', { n: one.load })} />
          ))}
          {found.data?.candidates.length === 0 && <Text c="dimmed">{t('consult.assign.nobody')}</Text>}
        </Stack>
      </Radio.Group>
      <Textarea label={t('consult.assign.reason')} autosize minRows={2} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
    </ConfirmDialog>
  );
}
