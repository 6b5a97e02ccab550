/** A forwarding rule, new or changed. */
import { SegmentedControl, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { devices, forwarding } from '../api/endpoints';
import { keys } from '../api/queries';
import type { ForwardRule } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { modalities } from '../ui/modalities';
import { ruleId } from './ruleId';

interface Props {
  /** `null` for a new one. */
  rule: ForwardRule | null;
  taken: string[];
  onClose: () => void;
  onSaved: () => unknown;
}

const empty: ForwardRule = { id: '', sources: [], modalities: [], description: '', destination: '', state: 'active' };

export function RuleDialog({ rule, taken, onClose, onSaved }: Props) {
  const { t } = useTranslation();
  const known = useQuery({ queryKey: keys.devices, queryFn: devices.list });
  const all = known.data?.devices ?? [];
  const reachable = all.filter(({ contact }) => contact !== null).map(({ ae_title }) => ae_title);
  const [draft, setDraft] = useState(rule ?? empty);
  const set = (part: Partial<ForwardRule>) => setDraft((before) => ({ ...before, ...part }));
  const isTaken = rule === null && taken.includes(draft.id);
  const ready = ruleId.test(draft.id) && !isTaken && draft.destination !== '';
  return (
    <ConfirmDialog
      title={rule === null ? t('rules.addTitle') : t('rules.changeTitle', { id: rule.id })}
      consequences={[
        t(draft.state === 'active' ? 'rules.effect' : 'rules.effectPaused', {
          destination: draft.destination === '' ? '…' : draft.destination,
        }),
      ]}
      confirm={t('common.save')}
      ready={ready}
      size="lg"
      onConfirm={async () => {
        await forwarding.putRule(draft);
        await onSaved();
      }}
      onClose={onClose}
    >
      <Stack gap="sm">
        {rule === null && (
          <TextInput
            label={t('rules.column.id')}
            description={t('rules.idHint')}
            error={isTaken ? t('rules.taken') : draft.id !== '' && !ruleId.test(draft.id) && t('rules.idHint')}
            required
            data-autofocus
            value={draft.id}
            onChange={(event) => set({ id: event.currentTarget.value })}
          />
        )}
        <Select
          label={t('rules.column.destination')}
          description={t('rules.destinationHint')}
          required
          searchable
          data={reachable}
          nothingFoundMessage={t('rules.noDestination')}
          value={draft.destination === '' ? null : draft.destination}
          onChange={(destination) => set({ destination: destination ?? '' })}
        />
        <Text size="sm" c="dimmed">
          {t('rules.allMustHold')}
        </Text>
        <TagsInput
          label={t('rules.sources')}
          placeholder={draft.sources.length === 0 ? t('rules.any') : undefined}
          data={all.map(({ ae_title }) => ae_title)}
          value={draft.sources}
          onChange={(sources) => set({ sources })}
        />
        <TagsInput
          label={t('studies.modality')}
          placeholder={draft.modalities.length === 0 ? t('rules.any') : undefined}
          data={modalities}
          value={draft.modalities}
          onChange={(chosen) => set({ modalities: chosen.map((modality) => modality.toUpperCase()) })}
        />
        <TextInput
          label={t('rules.pattern')}
          description={t('rules.patternHint')}
          placeholder={t('rules.any')}
          maxLength={64}
          value={draft.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
        />
        <SegmentedControl
          aria-label={t('rules.column.state')}
          data={[
            { value: 'active', label: t('rules.state.active') },
            { value: 'paused', label: t('rules.state.paused') },
          ]}
          value={draft.state}
          onChange={(state) => set({ state: state === 'paused' ? 'paused' : 'active' })}
        />
      </Stack>
    </ConfirmDialog>
  );
}
