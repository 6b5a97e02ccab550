/** A critical finding that was raised by mistake: why, for both sides to read. */
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from '../ui/ErrorNotice';
import { FindingFacts } from './FindingFacts';
import { useWithdraw, type Alarm } from './useCritical';

export function WithdrawDialog({ alarm: { of, finding }, onClose }: { alarm: Alarm; onClose: () => void }) {
  const { t } = useTranslation();
  const withdraw = useWithdraw(of.consult, finding.n);
  const [reason, setReason] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim() !== '' && !withdraw.isPending) withdraw.mutate(reason, { onSuccess: onClose });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      closeOnClickOutside={false}
      closeOnEscape={false}
      title={t('critical.withdrawTitle', { name: of.patient_name })}
      size="lg"
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <FindingFacts finding={finding} requesting={of.requesting.name} />
          <Text size="sm">{t('critical.withdrawText', { hospital: of.requesting.name })}</Text>
          <Textarea
            label={t('critical.withdrawReason')}
            required
            data-autofocus
            autosize
            minRows={2}
            maxRows={8}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {withdraw.isError && <ErrorNotice error={withdraw.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.back')}
            </Button>
            <Button type="submit" color="red" disabled={reason.trim() === ''} loading={withdraw.isPending}>
              {t('critical.withdraw')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
