/** Filters with a name, and the columns of the list: kept for the person, on every computer. */
import { ActionIcon, Button, Checkbox, Group, Popover, Select, Stack, Text, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { SavedFilter, Urgency } from '../api/types';
import { usePreferences } from '../session/usePreferences';
import { modalities } from '../ui/modalities';
import { allColumns, chosenColumns, toggled } from './columns';

const urgencies: readonly Urgency[] = ['frozen', 'emergency', 'urgent', 'routine'];

export type Filter = Omit<SavedFilter, 'name'>;

interface Props {
  filter: Filter;
  onFilter: (filter: Filter) => void;
  /** On a phone there are no columns. */
  withColumns: boolean;
}

export function ViewMenu({ filter, onFilter, withColumns }: Props) {
  const { t } = useTranslation();
  const { preferences, change } = usePreferences();
  const columns = chosenColumns(preferences.worklist_columns);
  const active = filter.modality !== null || filter.urgency !== null;

  return (
    <Popover position="bottom-end" width={300} shadow="none" trapFocus withRoles transitionProps={{ duration: 0 }}>
      <Popover.Target>
        <Button variant="default" data-active={active || undefined}>
          {active ? t('worklist.view.active') : t('worklist.view.open')}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('worklist.view.open')}>
        <Stack gap="sm">
          <Group grow gap="xs">
            <Select
              label={t('studies.modality')}
              placeholder={t('worklist.view.any')}
              data={modalities}
              clearable
              comboboxProps={{ withinPortal: false }}
              value={filter.modality}
              onChange={(modality) => onFilter({ ...filter, modality })}
            />
            <Select
              label={t('consult.urgency')}
              placeholder={t('worklist.view.any')}
              data={urgencies.map((value) => ({ value, label: t(`urgency.${value}`) }))}
              clearable
              comboboxProps={{ withinPortal: false }}
              value={filter.urgency}
              onChange={(value) => onFilter({ ...filter, urgency: urgencies.find((one) => one === value) ?? null })}
            />
          </Group>
          <Saved filters={preferences.worklist_filters} filter={filter} onFilter={onFilter} keep={(next) => change(({ worklist_filters }) => ({ worklist_filters: next(worklist_filters) }))} />
          {withColumns && (
            <Stack gap={6} role="group" aria-label={t('worklist.view.columns')}>
              <Text size="sm" fw={600}>
                {t('worklist.view.columns')}
              </Text>
              {allColumns.map((name) => (
                <Checkbox
                  key={name}
                  size="sm"
                  label={t(`worklist.column.${name}`)}
                  checked={columns.includes(name)}
                  disabled={name === 'patient'}
                  onChange={() => change({ worklist_columns: toggled(columns, name) })}
                />
              ))}
            </Stack>
          )}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

interface SavedProps extends Pick<Props, 'filter' | 'onFilter'> {
  filters: SavedFilter[];
  /** Filters of those that are kept, which may be others than those that have come. */
  keep: (next: (kept: SavedFilter[]) => SavedFilter[]) => void;
}

function Saved({ filters, filter, onFilter, keep }: SavedProps) {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const save = (event: FormEvent) => {
    event.preventDefault();
    const called = name.trim();
    if (called === '') return;
    keep((had) => [...had.filter((one) => one.name !== called), { ...filter, name: called }]);
    setName('');
  };
  return (
    <Stack gap={6}>
      <Text size="sm" fw={600}>
        {t('worklist.view.saved')}
      </Text>
      {filters.map(({ name: called, ...kept }) => (
        <Group key={called} gap="xs" wrap="nowrap">
          <Button size="compact-sm" variant="light" flex={1} onClick={() => onFilter(kept)}>
            {called}
          </Button>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('worklist.view.forget', { name: called })}
            onClick={() => keep((had) => had.filter((one) => one.name !== called))}
          >
            ×
          </ActionIcon>
        </Group>
      ))}
      <form onSubmit={save}>
        <Group gap="xs" wrap="nowrap">
          <TextInput
            flex={1}
            size="xs"
            maxLength={100}
            aria-label={t('worklist.view.name')}
            placeholder={t('worklist.view.name')}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button size="xs" type="submit" variant="default" disabled={name.trim() === ''}>
            {t('common.save')}
          </Button>
        </Group>
      </form>
    </Stack>
  );
}
