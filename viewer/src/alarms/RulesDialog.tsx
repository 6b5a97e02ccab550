/** What this organisation calls critical, and how its alarms behave. */
import { ActionIcon, Button, Group, Modal, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ErrorNotice } from '../ui/ErrorNotice';
import classes from './Alarms.module.css';
import { critical, type CriticalItem, type CriticalRules } from './api';
import { useRules } from './useCritical';

export function RulesDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const rules = useRules(true);
  return (
    <Modal opened onClose={onClose} closeOnClickOutside={false} closeOnEscape={false} title={t('critical.rulesTitle')} size="xl" closeButtonProps={{ 'aria-label': t('common.close') }}>
      {rules.isError && <ErrorNotice error={rules.error} onRetry={() => void rules.refetch()} />}
      {rules.data !== undefined && <RulesForm start={rules.data} onClose={onClose} />}
    </Modal>
  );
}

function RulesForm({ start, onClose }: { start: CriticalRules; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [rules, setRules] = useState(start);
  const save = useMutation({
    mutationFn: () => critical.putRules({ ...rules, items: rules.items.filter(({ name }) => name.trim() !== '') }),
    onSuccess: (kept) => {
      cache.setQueryData([...keys.critical, 'rules'], kept);
      onClose();
    },
  });
  const change = (at: number, part: Partial<CriticalItem>) =>
    setRules({ ...rules, items: rules.items.map((item, index) => (index === at ? { ...item, ...part } : item)) });
  const minutes = (value: number | string) => (typeof value === 'number' ? value : 0);
  return (
    <Stack gap="md">
      <Group grow>
        <NumberInput label={t('critical.repeatMin')} min={1} max={1440} value={rules.repeat_min} onChange={(value) => setRules({ ...rules, repeat_min: minutes(value) })} />
        <NumberInput label={t('critical.escalateMin')} min={1} max={1440} value={rules.escalate_min} onChange={(value) => setRules({ ...rules, escalate_min: minutes(value) })} />
      </Group>
      <Text size="sm" c="dimmed">
        {t('critical.rulesHint')}
      </Text>
      <div className={classes.rules}>
        {rules.items.map((item, index) => (
          <RuleRow key={index} n={index + 1} item={item} onChange={(part) => change(index, part)} onRemove={() => setRules({ ...rules, items: rules.items.filter((_, at) => at !== index) })} />
        ))}
      </div>
      <Button variant="default" onClick={() => setRules({ ...rules, items: [...rules.items, { name: '', name_en: '' }] })}>
        {t('critical.addItem')}
      </Button>
      {save.isError && <ErrorNotice error={save.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {t('common.back')}
        </Button>
        <Button loading={save.isPending} onClick={() => save.mutate()}>
          {t('common.save')}
        </Button>
      </Group>
    </Stack>
  );
}

function RuleRow({ n, item, onChange, onRemove }: { n: number; item: CriticalItem; onChange: (part: Partial<CriticalItem>) => void; onRemove: () => void }) {
  const { t } = useTranslation();
  return (
    <>
      <TextInput aria-label={t('critical.itemName', { n })} value={item.name} onChange={(event) => onChange({ name: event.currentTarget.value })} />
      <TextInput aria-label={t('critical.itemNameEn', { n })} value={item.name_en} onChange={(event) => onChange({ name_en: event.currentTarget.value })} />
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('critical.removeItem', { name: item.name })} onClick={onRemove}>
        <span aria-hidden>×</span>
      </ActionIcon>
    </>
  );
}
