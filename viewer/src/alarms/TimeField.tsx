/** When something happened, if it was not just now. */
import { TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

interface Props {
  label: string;
  /** As `<input type="datetime-local">` has it, in this browser's time zone; empty: now. */
  value: string;
  onChange: (value: string) => void;
}

export function TimeField({ label, value, onChange }: Props) {
  const { t } = useTranslation();
  return <TextInput type="datetime-local" label={label} description={t('critical.nowIfEmpty')} value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
}

/** RFC 3339, or nothing for now. */
export function momentOf(value: string): string | undefined {
  const at = new Date(value);
  return value === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
