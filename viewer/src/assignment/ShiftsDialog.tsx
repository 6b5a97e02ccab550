/** When a reader goes on duty and off by plan, and when they are on call. */
import { Button, Checkbox, Group, Modal, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { Chip } from '../ui/Chip';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import { assignment, type Burden, type Shift } from './api';
import { momentOf } from './desk';

interface Props {
  person: Burden;
  shifts: Shift[];
  onClose: () => void;
}

export function ShiftsDialog({ person, shifts, onClose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const cache = useQueryClient();
  const [from, setFrom] = useState('');
  const [until, setUntil] = useState('');
  const [isOnCall, setOnCall] = useState(false);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.dutyOverview });
  const plan = useMutation({
    mutationFn: (shift: Pick<Shift, 'kind' | 'from' | 'until'>) => assignment.planShift(person.id, shift),
    onSuccess: () => {
      setFrom('');
      setUntil('');
    },
    onSettled: refresh,
  });
  const cancel = useMutation({ mutationFn: (id: string) => assignment.cancelShift(person.id, id), onSettled: refresh });
  const [begin, end] = [momentOf(from), momentOf(until)];
  const isReady = begin !== null && end !== null && begin < end;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady) plan.mutate({ kind: isOnCall ? 'on_call' : 'duty', from: begin, until: end });
  };
  return (
    <Modal opened onClose={onClose} title={t('desk.planTitle', { name: person.name })} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t('desk.planHint')}
        </Text>
        {shifts.length > 0 && (
          <Table fz="sm" aria-label={t('desk.shift')}>
            <Table.Tbody>
              {shifts.map((shift) => (
                <Table.Tr key={shift.id}>
                  <Table.Td>
                    {format.moment(shift.from)} – {format.moment(shift.until)} <ShiftChip shift={shift} />
                  </Table.Td>
                  <Table.Td>
                    <Button size="compact-sm" variant="default" onClick={() => cancel.mutate(shift.id)}>
                      {t('desk.cancelShift')}
                    </Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
        {cancel.isError && <ErrorNotice error={cancel.error} />}
        <form onSubmit={submit}>
          <Stack gap="sm">
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
              <TextInput type="datetime-local" label={t('desk.begins')} required value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
              <TextInput type="datetime-local" label={t('desk.ends')} required value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
            </SimpleGrid>
            <Checkbox label={t('desk.onCall')} description={t('desk.onCallHint')} checked={isOnCall} onChange={(event) => setOnCall(event.currentTarget.checked)} />
            {plan.isError && <ErrorNotice error={plan.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {t('common.close')}
              </Button>
              <Button type="submit" disabled={!isReady} loading={plan.isPending}>
                {t('desk.addShift')}
              </Button>
            </Group>
          </Stack>
        </form>
      </Stack>
    </Modal>
  );
}

/** What kind of shift it is, and whether it has begun. */
function ShiftChip({ shift: { kind, has_begun } }: { shift: Shift }) {
  const { t } = useTranslation();
  if (has_begun) return <Chip tone="active">{t(kind === 'on_call' ? 'desk.onCallNow' : 'desk.running')}</Chip>;
  return kind === 'on_call' ? <Chip>{t('desk.onCall')}</Chip> : null;
}
