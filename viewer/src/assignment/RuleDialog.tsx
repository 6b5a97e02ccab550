/** One rule: what it asks of a case, and who takes it. */
import { Checkbox, Group, MultiSelect, Radio, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConsultKind, Ref, Urgency } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { SubspecialtySelect } from '../ui/SubspecialtySelect';
import { languages, type Language, type OnDuty, type Rule } from './api';
import { BodyPartSelect } from './BodyPartSelect';
import { faultOf } from './rules';

const kinds: readonly ConsultKind[] = ['diagnosis', 'consultation'];
const urgencies: readonly Urgency[] = ['routine', 'urgent', 'emergency', 'frozen'];
const modalities = ['CT', 'MR', 'DX', 'CR', 'MG', 'US', 'NM', 'PT', 'XA', 'RF', 'SM', 'ES', 'ECG'];

interface Props {
  start: Rule;
  others: readonly Rule[];
  people: readonly OnDuty[];
  hospitals: readonly Ref[];
  onAccept: (rule: Rule) => void;
  onClose: () => void;
}

/** Only what is among the words that the server knows. */
function among<T extends string>(all: readonly T[], chosen: readonly string[]): T[] {
  return all.filter((one) => chosen.includes(one));
}

export function RuleDialog({ start, others, people, hospitals, onAccept, onClose }: Props) {
  const { t } = useTranslation();
  const [rule, setRule] = useState(start);
  const change = (part: Partial<Rule>) => setRule({ ...rule, ...part });
  const fault = faultOf(rule, others);
  const confirm = () => {
    onAccept({ ...rule, name: rule.name.trim() });
    return Promise.resolve();
  };
  const refs = (list: readonly Ref[]) => list.map(({ id, name }) => ({ value: id, label: name }));
  return (
    <ConfirmDialog title={t('assignment.rule')} consequences={[]} confirm={t('assignment.accept')} ready={fault === null} size="lg" onConfirm={confirm} onClose={onClose}>
      <TextInput label={t('assignment.name')} required data-autofocus value={rule.name} onChange={(event) => change({ name: event.currentTarget.value })} error={fault === 'twice' && t('assignment.twice')} />
      <Text size="sm" c="dimmed">
        {t('assignment.asksHint')}
      </Text>
      <Group grow align="flex-end">
        <TagsInput label={t('assignment.modalities')} data={modalities} value={rule.modalities} onChange={(value) => change({ modalities: value })} />
        <BodyPartSelect hint={t('assignment.bodyPartsHint')} value={rule.body_parts} onChange={(value) => change({ body_parts: value })} />
      </Group>
      <Group grow align="flex-end">
        <TagsInput label={t('assignment.words')} description={t('assignment.wordsHint')} value={rule.words} onChange={(value) => change({ words: value })} />
        <MultiSelect
          label={t('assignment.languages')}
          description={t('assignment.languagesHint')}
          data={languages.map((value) => ({ value, label: t(`assignment.language.${value}`) }))}
          value={rule.languages}
          onChange={(value) => change({ languages: among<Language>(languages, value) })}
        />
      </Group>
      <MultiSelect label={t('assignment.hospitals')} data={refs(hospitals)} value={rule.requesting} onChange={(value) => change({ requesting: value })} />
      <Checkbox.Group label={t('assignment.urgencies')} value={rule.urgencies} onChange={(value) => change({ urgencies: among(urgencies, value) })}>
        <Group gap="md" mt={4}>
          {urgencies.map((value) => (
            <Checkbox key={value} value={value} label={t(`urgency.${value}`)} />
          ))}
        </Group>
      </Checkbox.Group>
      <Checkbox.Group label={t('assignment.kinds')} value={rule.kinds} onChange={(value) => change({ kinds: among(kinds, value) })}>
        <Group gap="md" mt={4}>
          {kinds.map((value) => (
            <Checkbox key={value} value={value} label={t(`kind.${value}`)} />
          ))}
        </Group>
      </Checkbox.Group>
      <Radio.Group
        label={t('assignment.to')}
        value={rule.to.who}
        onChange={(who) => {
          if (who === 'pool') change({ to: { who: 'pool' }, subspecialties: [] });
          else change({ to: who === 'people' ? { who: 'people', people: [] } : { who: 'anyone' } });
        }}
      >
        <Stack gap="xs" mt={4}>
          <Radio value="anyone" label={t('assignment.target.anyone')} />
          <Radio value="people" label={t('assignment.target.people')} />
          <Radio value="pool" label={t('assignment.target.pool')} />
        </Stack>
      </Radio.Group>
      {rule.to.who === 'people' && (
        <MultiSelect label={t('assignment.people')} required data={refs(people)} value={rule.to.people} onChange={(value) => change({ to: { who: 'people', people: value } })} />
      )}
      {rule.to.who !== 'pool' && (
        <SubspecialtySelect label={t('assignment.subspecialties')} hint={t('assignment.subspecialtiesHint')} value={rule.subspecialties} onChange={(value) => change({ subspecialties: value })} />
      )}
      <Switch label={t('assignment.pause')} checked={rule.is_paused} onChange={(event) => change({ is_paused: event.currentTarget.checked })} />
    </ConfirmDialog>
  );
}
