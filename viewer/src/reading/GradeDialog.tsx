/** Quality review of a delivered report: how far a colleague agrees, and what differs. */
import { Radio, Stack, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import { pathologyGrades, radiologyGrades, type Consult, type QualityGrade } from '../api/types';
import { rememberConsult } from '../consult/useConsult';
import { ConfirmDialog } from '../ui/ConfirmDialog';

export function GradeDialog({ consult, onClose }: { consult: Consult; onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const isPathology = consult.slide_id !== null || consult.study.modalities.includes('SM');
  const grades: readonly QualityGrade[] = isPathology ? pathologyGrades : radiologyGrades;
  const [grade, setGrade] = useState<QualityGrade | null>(null);
  const [comment, setComment] = useState('');
  const differs = grade !== null && grade !== '1' && grade !== 'concordant';
  return (
    <ConfirmDialog
      title={t('consult.quality.title')}
      consequences={[t('consult.quality.note')]}
      confirm={t('consult.action.grade')}
      ready={grade !== null && (!differs || comment.trim() !== '')}
      onConfirm={async () => {
        if (grade !== null) rememberConsult(cache, await consults.grade(consult.id, consult.version, grade, comment.trim()));
      }}
      onClose={onClose}
    >
      <Radio.Group
        label={t('consult.quality.grade')}
        value={grade}
        onChange={(chosen) => setGrade(grades.find((one) => one === chosen) ?? null)}
      >
        <Stack gap={6} mt="xs">
          {grades.map((one) => (
            <Radio key={one} value={one} label={t(`consult.quality.grades.${one}`)} />
          ))}
        </Stack>
      </Radio.Group>
      <Textarea
        label={t('consult.quality.comment')}
        required={differs}
        autosize
        minRows={2}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
    </ConfirmDialog>
  );
}
