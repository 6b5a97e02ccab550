/** A series in one line. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

interface Named {
  number: number | null;
  modality: string;
  description: string;
}

export function useSeriesText(): (series: Named) => string {
  const { t } = useTranslation();
  return useCallback(
    ({ number, modality, description }) => {
      const which = number === null ? t('corrections.seriesUnnumbered') : t('corrections.series', { n: number });
      return [which, modality, description].filter((part) => part !== '').join(' ');
    },
    [t],
  );
}
