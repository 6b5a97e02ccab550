/** How much is there, how fast it goes and how long the rest takes, as far as anybody can tell. */
import { useTranslation } from 'react-i18next';
import type { Pace } from './rate';
import { bytesText, spanParts } from './sizes';

export function usePaceText(): (pace: Pace) => string {
  const { t } = useTranslation();
  return ({ sent, bytes, rate, left_s }) => {
    const parts = [t('transfer.amount', { sent: bytesText(sent), bytes: bytesText(bytes) })];
    if (rate !== null) parts.push(t('transfer.rate', { rate: bytesText(rate) }));
    if (left_s !== null) {
      const { unit, n, m } = spanParts(left_s);
      parts.push(t(`transfer.left.${unit}`, { n, m }));
    }
    return parts.join(' · ');
  };
}
