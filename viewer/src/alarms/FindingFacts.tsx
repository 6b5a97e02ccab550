/** The six things that are kept of a critical finding. */
import { useTranslation } from 'react-i18next';
import { useFormat } from '../ui/useFormat';
import classes from './Alarms.module.css';
import type { Finding } from './api';

export function FindingFacts({ finding, requesting }: { finding: Finding; requesting: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const received = finding.acknowledged;
  const withdrawn = finding.withdrawn;
  const waiting = (time: string) => (withdrawn === null ? t('critical.waiting', { time }) : '—');
  const waited = t('critical.minutes', { n: Math.max(1, Math.round(finding.waited_s / 60)) });
  const facts: [string, string][] = [
    [t('critical.field.foundAt'), format.moment(finding.found_at)],
    [t('critical.field.toldBy'), `${finding.told_by} ${format.moment(finding.told_at)}`],
    [t('critical.field.to'), received === null ? requesting : `${requesting} · ${received.received_by}`],
    [t('critical.field.receivedAt'), received === null ? waiting(waited) : `${format.moment(received.received_at)}（${waited}）`],
    [t('critical.field.how'), received === null ? '—' : t(`critical.how.${received.how}`)],
  ];
  return (
    <dl className={classes.facts}>
      <div className={classes.wide}>
        <dt>{t('critical.field.finding')}</dt>
        <dd>
          {withdrawn === null ? <strong>{finding.finding}</strong> : <s>{finding.finding}</s>}
        </dd>
      </div>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {received !== null && (
        <div className={classes.wide}>
          <dt>{t('critical.field.readBack')}</dt>
          <dd>{received.read_back}</dd>
        </div>
      )}
      {withdrawn !== null && (
        <div className={classes.wide}>
          <dt>{t('critical.withdrawnBy', { who: withdrawn.by, at: format.moment(withdrawn.at) })}</dt>
          <dd>{withdrawn.reason}</dd>
        </div>
      )}
    </dl>
  );
}
