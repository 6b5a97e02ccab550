/** How long a report may take, in the reader's language. */
import { useTranslation } from 'react-i18next';

/** Nothing is rounded: it is what somebody was promised. */
export function useTurnaround(): (minutes: number) => string {
  const { t } = useTranslation();
  return (minutes) => (minutes >= 120 && minutes % 60 === 0 ? t('ask.hours', { n: minutes / 60 }) : t('ask.minutes', { n: minutes }));
}
