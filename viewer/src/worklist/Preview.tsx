/** A look at the selected consult without leaving the list. */
import { CloseButton, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';
import type { ConsultRow } from '../api/types';
import { Field } from '../ui/Field';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { useFormat } from '../ui/useFormat';
import { useExamText } from '../ui/useExamText';
import classes from './Worklist.module.css';

export function Preview({ row, onClose }: { row: ConsultRow; onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const examText = useExamText();
  const detail = useQuery({ queryKey: keys.consult(row.id), queryFn: () => consults.get(row.id) });
  return (
    <aside className={classes.preview} aria-label={t('worklist.preview')}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Patient patient={row} />
          <CloseButton onClick={onClose} aria-label={t('common.close')} />
        </Group>
        <Group gap="xs">
          <StateChip state={row.state} />
          <Text size="sm" c="dimmed">
            {row.number}
          </Text>
        </Group>
        <Field label={t('consult.study')}>{examText(row.study)}</Field>
        <Field label={t('consult.requesting')}>
          {row.requesting.name} · {row.created_by.name}
        </Field>
        <Field label={t('consult.submittedAt')}>{format.moment(row.submitted_at)}</Field>
        <Field label={t('consult.question')}>{row.question}</Field>
        <Field label={t('consult.history')}>{detail.data?.history ?? ''}</Field>
        {detail.data !== undefined && detail.data.evidence.length > 0 && (
          <Text size="sm" c="dimmed">
            {t('consult.evidenceCount', { n: detail.data.evidence.length })}
          </Text>
        )}
      </Stack>
    </aside>
  );
}
