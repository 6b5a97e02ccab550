/** Chooses among the organisations that are ours to look after; nothing where there is only one. */
import { Select } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Organisation } from './api';

interface Props {
  ours: Organisation[];
  chosen: string;
  onChoose: (id: string) => void;
}

export function OurOrganisation({ ours, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  if (ours.length < 2) return null;
  return (
    <Select
      aria-label={t('admin.organisation')}
      data={ours.map(({ id, name }) => ({ value: id, label: name }))}
      value={chosen}
      allowDeselect={false}
      onChange={(id) => onChoose(id ?? chosen)}
      w={260}
    />
  );
}
