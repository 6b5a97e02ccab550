/** For the archivist: what is hidden, what was corrected, and taking it back. Corrections begin at a study. */
import { Button, Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { hasRole, useMe } from '../session/useMe';
import { dicomDate } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { Patient } from '../ui/Patient';
import classes from './Corrections.module.css';
import { History } from './History';
import { useHidden, useHistory } from './useCorrections';
import { useSeriesText } from './useSeriesText';

export default function CorrectionsPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const tab = address.get('tab') === 'hidden' ? 'hidden' : 'history';
  if (!hasRole(me, 'archivist')) return <EmptyState title={t('problem.forbidden')} />;
  return (
    <>
      <div className={pane.bar}>
        <Tabs value={tab} onChange={(next) => setAddress({ tab: next ?? 'history' }, { replace: true })} variant="pills">
          <Tabs.List aria-label={t('place.corrections')}>
            <Tabs.Tab value="history" className={pane.tab}>{t('corrections.history')}</Tabs.Tab>
            <Tabs.Tab value="hidden" className={pane.tab}>{t('corrections.hiddenThings')}</Tabs.Tab>
          </Tabs.List>
        </Tabs>
      </div>
      <div className={pane.pane}>
        <div className={classes.page}>{tab === 'history' ? <AllHistory /> : <AllHidden />}</div>
      </div>
    </>
  );
}

function ToStudies() {
  const { t } = useTranslation();
  return (
    <Button component={Link} to="/studies" variant="light">
      {t('corrections.toStudies')}
    </Button>
  );
}

function AllHistory() {
  const { t } = useTranslation();
  const list = useHistory();
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  if (list.data.corrections.length === 0) {
    return (
      <EmptyState title={t('corrections.empty')} hint={t('corrections.emptyHint')}>
        <ToStudies />
      </EmptyState>
    );
  }
  return <History items={list.data.corrections} linked />;
}

function AllHidden() {
  const { t } = useTranslation();
  const seriesText = useSeriesText();
  const list = useHidden();
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  if (list.data.studies.length === 0) {
    return (
      <EmptyState title={t('corrections.nothingHidden')} hint={t('corrections.nothingHiddenHint')}>
        <ToStudies />
      </EmptyState>
    );
  }
  return (
    <ul className={classes.history} aria-label={t('corrections.hiddenThings')}>
      {list.data.studies.map((study) => (
        <li key={study.study_instance_uid}>
          <div className={classes.words}>
            <Patient patient={study} /> {study.patient_id}
            <div className={classes.quiet}>{[study.description, dicomDate(study.study_date)].filter((part) => part !== '').join(' · ')}</div>
            {study.series.map((one) => (
              <div key={one.series_instance_uid} className={classes.quiet}>
                {seriesText(one)} · {t('corrections.hiddenWhole', { n: one.hidden_count })}
              </div>
            ))}
          </div>
          <Button size="compact-sm" variant="default" component={Link} to={`/corrections/${study.study_instance_uid}`}>
            {t('corrections.openStudy')}
          </Button>
        </li>
      ))}
    </ul>
  );
}
