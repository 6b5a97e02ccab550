/** A new project: its name, and what besides the images may stay. */
import { Checkbox, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { deidentification, profileOptions, type ProfileOption, type Project } from './api';

const usual: ProfileOption[] = ['retain_patient_characteristics', 'retain_modified_dates'];

export function ProjectDialog({ onMade, onClose }: { onMade: (made: Project) => Promise<void>; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const [options, setOptions] = useState<ProfileOption[]>(usual);
  const choose = (values: string[]) => {
    const next = profileOptions.filter((option) => values.includes(option));
    // Dates are moved or kept: the one that was chosen last.
    const both = next.includes('retain_full_dates') && next.includes('retain_modified_dates');
    const former = options.includes('retain_full_dates') ? 'retain_full_dates' : 'retain_modified_dates';
    setOptions(both ? next.filter((option) => option !== former) : next);
  };
  return (
    <ConfirmDialog
      title={t('deidentify.newProject')}
      consequences={[t('deidentify.projectText')]}
      confirm={t('deidentify.make')}
      ready={name.trim() !== ''}
      onConfirm={async () => onMade(await deidentification.create({ name, options }))}
      onClose={onClose}
    >
      <Stack gap="sm">
        <TextInput label={t('deidentify.name')} required data-autofocus maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Checkbox.Group label={t('deidentify.options')} value={options} onChange={choose}>
          <Stack gap={8} mt="xs">
            {profileOptions.map((option) => (
              <Checkbox key={option} value={option} label={t(`deidentify.option.${option}`)} description={t(`deidentify.hint.${option}`)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Text size="sm" c="dimmed">
          {t('deidentify.privateNever')}
        </Text>
      </Stack>
    </ConfirmDialog>
  );
}
