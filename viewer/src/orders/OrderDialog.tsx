/** A new order: as few fields as a modality needs. */
import { Group, SegmentedControl, Select, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { orders } from '../api/endpoints';
import type { Order } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { modalities } from '../ui/modalities';
import { isoDay } from './days';
import { emptyOrder, isComplete, priorities, wishOf, type OrderDraft } from './orderDraft';

interface Props {
  day: string;
  onClose: () => void;
  onPlaced: (order: Order) => unknown;
}

export function OrderDialog({ day, onClose, onPlaced }: Props) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState(() => emptyOrder(isoDay(day)));
  const set = (part: Partial<OrderDraft>) => setDraft((before) => ({ ...before, ...part }));
  const text = (field: keyof OrderDraft, options: { required?: boolean; description?: string; maxLength?: number } = {}) => (
    <TextInput
      label={t(`orders.field.${field}`)}
      value={draft[field]}
      onChange={(event) => set({ [field]: event.currentTarget.value })}
      inputWrapperOrder={['label', 'input', 'description']}
      {...options}
    />
  );
  return (
    <ConfirmDialog
      title={t('orders.addTitle')}
      consequences={[t('orders.effect')]}
      confirm={t('orders.place')}
      ready={isComplete(draft)}
      size="lg"
      onConfirm={async () => {
        const placed = await orders.place(wishOf(draft));
        await onPlaced(placed);
      }}
      onClose={onClose}
    >
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
          <TextInput
            label={t('orders.field.name')}
            required
            data-autofocus
            maxLength={64}
            value={draft.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          {text('pinyin', { description: t('orders.pinyinHint'), maxLength: 64 })}
          {text('patientId', { required: true, maxLength: 64 })}
          {text('accession', { required: true, maxLength: 16 })}
          <TextInput
            type="date"
            label={t('orders.field.birthDate')}
            value={draft.birthDate}
            onChange={(event) => set({ birthDate: event.currentTarget.value })}
          />
          <Select
            label={t('orders.field.sex')}
            clearable
            data={(['M', 'F', 'O'] as const).map((value) => ({ value, label: t(`patient.sex.${value}`) }))}
            value={draft.sex === '' ? null : draft.sex}
            onChange={(sex) => set({ sex: sex ?? '' })}
          />
          <Select
            label={t('studies.modality')}
            required
            data={modalities}
            value={draft.modality}
            onChange={(modality) => set({ modality: modality ?? 'CT' })}
            allowDeselect={false}
          />
          {text('procedure', { maxLength: 64 })}
          <TextInput
            type="date"
            label={t('orders.field.date')}
            required
            value={draft.date}
            onChange={(event) => set({ date: event.currentTarget.value })}
          />
          <TextInput
            type="time"
            label={t('orders.field.time')}
            value={draft.time}
            onChange={(event) => set({ time: event.currentTarget.value })}
          />
          {text('station', { description: t('orders.stationHint'), maxLength: 16 })}
          {text('referring', { maxLength: 64 })}
        </SimpleGrid>
        {text('reason', { maxLength: 64 })}
        <Group gap="sm">
          <SegmentedControl
            aria-label={t('orders.field.priority')}
            data={priorities.map((value) => ({ value, label: t(`orders.priority.${value}`) }))}
            value={draft.priority}
            onChange={(value) => set({ priority: priorities.find((known) => known === value) ?? 'ROUTINE' })}
          />
        </Group>
      </Stack>
    </ConfirmDialog>
  );
}
