/** Why, as a code and in words: both stay with the correction. */
import { Select, Textarea } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { reasonCodes, type Reason } from '../api/types';

interface Props {
  reason: Reason;
  onChange: (reason: Reason) => void;
}

export function ReasonFields({ reason, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <>
      <Select
        label={t('corrections.reason.code')}
        data={reasonCodes.map((value) => ({ value, label: t(`corrections.code.${value}`) }))}
        value={reason.code}
        onChange={(code) => onChange({ ...reason, code: reasonCodes.find((known) => known === code) ?? 'other' })}
        allowDeselect={false}
      />
      <Textarea
        label={t('corrections.reason.text')}
        required
        autosize
        minRows={2}
        maxLength={1000}
        value={reason.text}
        onChange={(event) => onChange({ ...reason, text: event.currentTarget.value })}
      />
    </>
  );
}
