/** Chooses subspecialties, of a person or wanted by a rule. */
import { MultiSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { subspecialties, type Subspecialty } from './subspecialties';

interface Props {
  label: string;
  hint: string;
  value: Subspecialty[];
  onChange: (value: Subspecialty[]) => void;
}

export function SubspecialtySelect({ label, hint, value, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <MultiSelect
      label={label}
      description={hint}
      searchable
      data={subspecialties.map((one) => ({ value: one, label: t(`subspecialty.${one}`) }))}
      value={value}
      onChange={(chosen) => onChange(subspecialties.filter((one) => chosen.includes(one)))}
    />
  );
}
