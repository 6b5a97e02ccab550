/** What was examined, in one line. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConsultRow } from '../api/types';

export function useExamText(): (row: Pick<ConsultRow, 'study' | 'slide_id'>) => string {
  const { t } = useTranslation();
  return useCallback(
    (row) => {
      const modality = row.slide_id === null ? (row.study?.modalities.join('/') ?? '') : t('exam.pathology');
      return [modality, row.study?.description ?? ''].filter((part) => part !== '').join(' ');
    },
    [t],
  );
}
