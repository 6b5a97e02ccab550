/** Where the case is, as a line of dots with times. */
import { useTranslation } from 'react-i18next';
import type { TimelineEntry } from '../api/types';
import { useFormat } from '../ui/useFormat';
import classes from './Consult.module.css';
import { timelineSteps } from './timeline';

export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <ol className={classes.timeline} aria-label={t('consult.timeline')}>
      {timelineSteps(entries).map(({ state, entry }, index) => (
        <li key={index} className={classes.step} data-done={entry !== null || undefined}>
          {/* Whether it waits for its time stamp is said by the chip and by the step after it. */}
          <span className={classes.stepName}>{state === 'final' ? t('consult.signed') : t(`state.${state}`)}</span>
          {[entry === null ? '' : format.moment(entry.at), entry?.by?.name ?? '', entry?.note ?? '']
            .filter((line) => line !== '')
            .map((line) => (
              <span key={line} className={classes.stepTime}>
                {line}
              </span>
            ))}
        </li>
      ))}
    </ol>
  );
}
