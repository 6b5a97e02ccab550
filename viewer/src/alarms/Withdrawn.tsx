/** Alarms that stood over this page and were withdrawn: said until somebody has read it. */
import { Button } from '@mantine/core';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { isProblem } from '../api/problem';
import { useFormat } from '../ui/useFormat';
import classes from './Alarms.module.css';
import { stands } from './api';
import { useCriticalOf, type Alarm } from './useCritical';

/** One that stands no more: nothing is said when it was received. */
export default function Withdrawn({ alarm: { of, finding }, onRead }: { alarm: Alarm; onRead: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const critical = useCriticalOf(of.consult);
  const now = critical.data?.findings.find(({ n }) => n === finding.n);
  const withdrawn = now?.withdrawn ?? null;
  // Received, or not ours to see any more; what cannot be fetched for a while is still to be read.
  const isOver =
    isProblem(critical.error, 'forbidden') || isProblem(critical.error, 'not-found') || (now !== undefined && withdrawn === null && !stands(now));
  useEffect(() => {
    if (isOver) onRead();
  }, [isOver, onRead]);
  if (withdrawn === null) return null;
  return (
    <section className={classes.withdrawn} role="alert" data-testid="critical-withdrawn">
      <span>
        <strong>{t('critical.withdrawn')}</strong> <strong>{of.patient_name}</strong> <s>{finding.finding}</s>
      </span>
      <span>{t('critical.withdrawnLine', { who: withdrawn.by, at: format.time(Date.parse(withdrawn.at)), reason: withdrawn.reason })}</span>
      <span className={classes.ways}>
        <Link to={`/cases/${of.consult}`}>{of.number}</Link>
        <Button size="compact-sm" variant="default" onClick={onRead}>
          {t('critical.understood')}
        </Button>
      </span>
    </section>
  );
}
