/** What was examined, in one line. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

interface Exam {
  modalities: string[];
  description: string;
}

export function useExamText(): (exam: Exam) => string {
  const { t } = useTranslation();
  return useCallback(
    (exam) => {
      const kinds = exam.modalities.map((modality) => (modality === 'SM' ? t('exam.pathology') : modality));
      return [kinds.join('/'), exam.description].filter((part) => part !== '').join(' ');
    },
    [t],
  );
}
