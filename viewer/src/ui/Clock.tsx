/** The time left of a consult: the only loud colour in a list. */
import { useTranslation } from 'react-i18next';
import type { ConsultRow } from '../api/types';
import classes from './Clock.module.css';
import { formatMinutes, readClock } from './clock';
import { isRunning } from './consultState';
import { useNow } from './useNow';

interface Props {
  consult: Pick<ConsultRow, 'state' | 'submitted_at' | 'due_at' | 'waited_ms'>;
}

export function Clock({ consult }: Props) {
  const { t } = useTranslation();
  const now = useNow();
  if (consult.due_at === null || !isRunning(consult.state)) return <span className={classes.none}>–</span>;
  if (consult.state === 'awaiting_data') return <span className={classes.none}>{t('clock.paused')}</span>;
  // The due time has moved by what was waited; the agreed time begins as much later.
  const start = consult.submitted_at === null ? null : Date.parse(consult.submitted_at) + consult.waited_ms;
  const { level, minutes } = readClock(start, Date.parse(consult.due_at), now);
  const time = formatMinutes(minutes);
  const words = level === 'over' ? t('clock.over', { time }) : t('clock.left', { time });
  return (
    <span className={classes.clock} data-level={level} aria-label={words}>
      <span className={classes.dot} aria-hidden />
      {level === 'over' ? t('clock.over', { time }) : time}
    </span>
  );
}
