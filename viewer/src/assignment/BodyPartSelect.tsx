/** Chooses body parts by the names that people know them by. */
import { MultiSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { bodyParts } from './bodyParts';

/** What people call a body part; the term itself of one that has no name here. */
export function useBodyPartName(): (term: string) => string {
  const { t } = useTranslation();
  return (term) => {
    const known = bodyParts.find((one) => one === term);
    return known === undefined ? term : t(`bodyPart.${known}`);
  };
}

interface Props {
  hint?: string;
  value: string[];
  onChange: (value: string[]) => void;
}

export function BodyPartSelect({ hint, value, onChange }: Props) {
  const { t } = useTranslation();
  const nameOf = useBodyPartName();
  // What a rule has that is not offered stays there.
  const others = value.filter((term) => bodyParts.every((one) => one !== term));
  const data = [...bodyParts.map((term) => ({ value: term, label: t('assignment.bodyPartOption', { name: nameOf(term), term }) })), ...others];
  return <MultiSelect label={t('assignment.bodyParts')} description={hint} searchable data={data} value={value} onChange={onChange} />;
}
