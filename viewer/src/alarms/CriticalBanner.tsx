/** On every page until somebody has acknowledged it: a critical finding. */
import { Button } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { PageBoundary } from '../ui/PageBoundary';
import { useFormat } from '../ui/useFormat';
import classes from './Alarms.module.css';
import { useSound } from './useSound';
import { useAlarms, useOpenCritical, type Alarm } from './useCritical';
import { useGone } from './useGone';

const AcknowledgeDialog = lazy(() => import('./AcknowledgeDialog').then(({ AcknowledgeDialog: dialog }) => ({ default: dialog })));
const Withdrawn = lazy(() => import('./Withdrawn'));

export function CriticalBanner() {
  const { t } = useTranslation();
  const alarms = useAlarms();
  const [answering, setAnswering] = useState<Alarm | null>(null);
  const open = useOpenCritical();
  const [gone, read] = useGone(alarms);
  useSound(new Map(alarms.map(({ of, finding }) => [`${of.consult}/${finding.n}`, finding.alarms])));
  return (
    <>
      {open.isError && (
        <section className={classes.banner} role="alert" data-testid="critical-unread">
          <span className={classes.what}>{t('critical.unreadable')}</span>
          <Button size="compact-sm" variant="white" color="red" loading={open.isFetching} onClick={() => void open.refetch()}>
            {t('common.retry')}
          </Button>
        </section>
      )}
      {alarms.length > 0 && (
        <section className={classes.banner} role="alert" aria-label={t('critical.banner')} data-testid="critical-banner">
          <ul className={classes.alarms}>
            {alarms.map((alarm) => (
              <AlarmLine key={`${alarm.of.consult}/${alarm.finding.n}`} alarm={alarm} onAnswer={() => setAnswering(alarm)} />
            ))}
          </ul>
        </section>
      )}
      {gone.length > 0 && (
        <Suspense fallback={null}>
          {gone.map((alarm) => (
            <Withdrawn key={`${alarm.of.consult}/${alarm.finding.n}`} alarm={alarm} onRead={() => read(alarm)} />
          ))}
        </Suspense>
      )}
      {answering !== null && (
        // An alarm that cannot be answered for want of a part says so; the page below it stays.
        <PageBoundary place={answering.of.consult}>
          <Suspense fallback={null}>
            <AcknowledgeDialog alarm={answering} how="system" onClose={() => setAnswering(null)} />
          </Suspense>
        </PageBoundary>
      )}
    </>
  );
}

function AlarmLine({ alarm: { of, finding }, onAnswer }: { alarm: Alarm; onAnswer: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const format = useFormat();
  const answers = of.requesting.id === me.organisation.id && hasRole(me, 'requester');
  return (
    <li className={classes.alarm}>
      <span className={classes.what}>
        <strong>{t('critical.name')}</strong> <strong>{of.patient_name}</strong> {finding.finding}
      </span>
      <span className={classes.who}>
        {t('critical.toldLine', { who: finding.told_by, at: format.time(Date.parse(finding.told_at)) })}
        {finding.alarms > 1 && ` · ${t('critical.again', { n: finding.alarms })}`}
        {finding.escalated_at !== null && ` · ${t('critical.unanswered')}`}
      </span>
      <span className={classes.ways}>
        <Link to={`/cases/${of.consult}`}>{of.number}</Link>
        {answers && (
          <Button size="compact-sm" variant="white" color="red" onClick={onAnswer}>
            {t('critical.acknowledge')}
          </Button>
        )}
      </span>
    </li>
  );
}
