/** Receiving a critical finding: whoever does so says it in their own words, so that the reader sees it was understood. */
import { Button, Group, Modal, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from '../ui/ErrorNotice';
import type { How } from './api';
import { FindingFacts } from './FindingFacts';
import { TimeField, momentOf } from './TimeField';
import { useAcknowledge, type Alarm } from './useCritical';

interface Props {
  alarm: Alarm;
  /** On this screen, or written down after a call. */
  how: 'system' | 'told';
  onClose: () => void;
}

export function AcknowledgeDialog({ alarm: { of, finding }, how, onClose }: Props) {
  const { t } = useTranslation();
  const acknowledge = useAcknowledge(of.consult, finding.n);
  const [readBack, setReadBack] = useState('');
  const [receivedBy, setReceivedBy] = useState('');
  const [receivedAt, setReceivedAt] = useState('');
  const [way, setWay] = useState<How>('telephone');
  const ready = readBack.trim() !== '' && (how === 'system' || receivedBy.trim() !== '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ready || acknowledge.isPending) return;
    const at = momentOf(receivedAt);
    const told = { read_back: readBack, how: way, received_by: receivedBy, ...(at === undefined ? {} : { received_at: at }) };
    const body = how === 'system' ? { read_back: readBack, how } : told;
    acknowledge.mutate(body, { onSuccess: onClose });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      closeOnClickOutside={false}
      closeOnEscape={false}
      title={t(how === 'system' ? 'critical.acknowledgeTitle' : 'critical.toldTitle', { name: of.patient_name })}
      size="lg"
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <FindingFacts finding={finding} requesting={of.requesting.name} />
          {how === 'told' && (
            <>
              <SegmentedControl
                aria-label={t('critical.field.how')}
                value={way}
                onChange={(value) => setWay(value === 'in_person' ? 'in_person' : 'telephone')}
                data={[
                  { value: 'telephone', label: t('critical.how.telephone') },
                  { value: 'in_person', label: t('critical.how.in_person') },
                ]}
              />
              <TextInput label={t('critical.receivedBy')} required value={receivedBy} onChange={(event) => setReceivedBy(event.currentTarget.value)} />
              <TimeField label={t('critical.field.receivedAt')} value={receivedAt} onChange={setReceivedAt} />
            </>
          )}
          <Textarea
            label={t('critical.field.readBack')}
            description={t('critical.readBackHint')}
            required
            data-autofocus
            autosize
            minRows={3}
            maxRows={10}
            value={readBack}
            onChange={(event) => setReadBack(event.currentTarget.value)}
          />
          {acknowledge.isError && <ErrorNotice error={acknowledge.error} />}
          <Text size="xs" c="dimmed">
            {t('critical.kept')}
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.back')}
            </Button>
            <Button type="submit" disabled={!ready} loading={acknowledge.isPending}>
              {t('critical.confirm')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
