/** A consult's state in one word. */
import { useTranslation } from 'react-i18next';
import type { ConsultState } from '../api/types';
import classes from './chips.module.css';
import { isAnswered, isRunning } from './consultState';

function tone(state: ConsultState): 'quiet' | 'active' | 'done' {
  if (isAnswered(state)) return 'done';
  return isRunning(state) ? 'active' : 'quiet';
}

export function StateChip({ state }: { state: ConsultState }) {
  const { t } = useTranslation();
  return (
    <span className={classes.chip} data-tone={tone(state)} data-state={state}>
      {t(`state.${state}`)}
    </span>
  );
}
