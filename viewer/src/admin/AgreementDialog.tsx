/** An agreement, new or changed. */
import { Checkbox, Group, SegmentedControl, Select, SimpleGrid, Stack, Switch, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { modalities } from '../ui/modalities';
import { draftOf, isComplete, termsOf, type AgreementDraft } from './agreementDraft';
import { agreements, organisations, urgencies, type Agreement } from './api';

const kinds = ['diagnosis', 'consultation'] as const;
const signatures = ['double', 'single'] as const;

export function AgreementDialog({ agreement, onClose }: { agreement: Agreement | null; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(agreement, new Date()));
  const set = (part: Partial<AgreementDraft>) => setDraft((before) => ({ ...before, ...part }));
  const save = () => {
    const terms = termsOf(draft);
    if (agreement !== null) return agreements.change(agreement, terms);
    return agreements.create({ requesting: draft.requesting, reading: draft.reading, ...terms });
  };
  const title =
    agreement === null
      ? t('agreements.addTitle')
      : t('agreements.asks', { requesting: agreement.requesting.name, reading: agreement.reading.name });
  return (
    <ConfirmDialog
      title={title}
      consequences={[t(agreement === null ? 'agreements.addText' : 'agreements.changeText'), t('agreements.otherSide')]}
      confirm={t('common.save')}
      ready={isComplete(draft)}
      size="lg"
      onConfirm={() => save().finally(() => cache.invalidateQueries({ queryKey: keys.agreements }))}
      onClose={onClose}
    >
      <Stack gap="sm">
        {agreement === null && <Sides draft={draft} onChange={set} />}
        <Checkbox.Group
          label={t('agreements.kinds')}
          value={draft.kinds}
          onChange={(chosen) => set({ kinds: kinds.filter((kind) => chosen.includes(kind)) })}
        >
          <Group gap="sm" mt="xs">
            {kinds.map((kind) => (
              <Checkbox key={kind} value={kind} label={t(`kind.${kind}`)} />
            ))}
          </Group>
        </Checkbox.Group>
        <TagsInput
          label={t('studies.modality')}
          description={t('agreements.modalitiesHint')}
          placeholder={draft.modalities.length === 0 ? t('agreements.allModalities') : undefined}
          data={modalities}
          value={draft.modalities}
          onChange={(chosen) => set({ modalities: chosen.map((modality) => modality.toUpperCase()) })}
        />
        <div>
          <Text size="sm" fw={600}>
            {t('agreements.turnarounds')}
          </Text>
          <Text size="xs" c="dimmed">
            {t('agreements.turnaroundsHint')}
          </Text>
          <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm" mt="xs">
            {urgencies.map((urgency) => (
              <TextInput
                key={urgency}
                label={t(`urgency.${urgency}`)}
                inputMode="numeric"
                maxLength={5}
                value={draft.minutes[urgency]}
                onChange={(event) => set({ minutes: { ...draft.minutes, [urgency]: event.currentTarget.value.trim() } })}
              />
            ))}
          </SimpleGrid>
        </div>
        <SegmentedControl
          aria-label={t('agreements.signatures')}
          data={signatures.map((value) => ({ value, label: t(`agreements.signature.${value}`) }))}
          value={draft.signatures}
          onChange={(value) => set({ signatures: value === 'single' ? 'single' : 'double' })}
        />
        <Switch
          label={t('agreements.autoAccept')}
          description={t('agreements.autoAcceptHint')}
          checked={draft.auto_accept}
          onChange={(event) => set({ auto_accept: event.currentTarget.checked })}
        />
        <Textarea
          label={t('agreements.anchors')}
          description={t('agreements.anchorsHint')}
          autosize
          minRows={2}
          maxRows={6}
          spellCheck={false}
          value={draft.anchors}
          onChange={(event) => set({ anchors: event.currentTarget.value })}
        />
        <SimpleGrid cols={2} spacing="sm">
          <TextInput type="date" label={t('agreements.from')} required value={draft.from} onChange={(event) => set({ from: event.currentTarget.value })} />
          <TextInput type="date" label={t('agreements.until')} required value={draft.until} onChange={(event) => set({ until: event.currentTarget.value })} />
        </SimpleGrid>
      </Stack>
    </ConfirmDialog>
  );
}

function Sides({ draft, onChange }: { draft: AgreementDraft; onChange: (part: Partial<AgreementDraft>) => void }) {
  const { t } = useTranslation();
  const known = useQuery({ queryKey: keys.organisations, queryFn: organisations.list });
  const all = (known.data?.organisations ?? []).filter(({ kind }) => kind !== 'collection').map(({ id, name }) => ({ value: id, label: name }));
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
      {(['requesting', 'reading'] as const).map((side) => (
        <Select
          key={side}
          label={t(`agreements.side.${side}`)}
          required
          searchable
          data={all}
          value={draft[side] === '' ? null : draft[side]}
          onChange={(id) => onChange({ [side]: id ?? '' })}
        />
      ))}
    </SimpleGrid>
  );
}
