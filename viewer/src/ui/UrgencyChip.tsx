/** Urgency, said only when it is more than routine. */
import { useTranslation } from 'react-i18next';
import type { Urgency } from '../api/types';
import classes from './chips.module.css';

export function UrgencyChip({ urgency }: { urgency: Urgency }) {
  const { t } = useTranslation();
  if (urgency === 'routine') return null;
  return (
    <span className={classes.chip} data-tone="alarm">
      {t(`urgency.${urgency}`)}
    </span>
  );
}
