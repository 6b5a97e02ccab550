/** One study under correction: whose it is, what is in it, what is hidden of it, and what was corrected before. */
import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';
import { isProblem } from '../api/problem';
import type { HiddenStudy, StudyDetail } from '../api/types';
import { useStudy } from '../reading/useStudy';
import { hasRole, useMe } from '../session/useMe';
import { studyAddress } from '../studies/addresses';
import { Chip } from '../ui/Chip';
import { dicomDate } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { PageBar } from '../ui/PageBar';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { Patient } from '../ui/Patient';
import { useExamText } from '../ui/useExamText';
import { useKeys } from '../ui/useKeys';
import { seriesLines } from './correctionFacts';
import classes from './Corrections.module.css';
import { History } from './History';
import { IdentityDialog } from './IdentityDialog';
import { PatientsDialog } from './PatientsDialog';
import { SeriesPane } from './SeriesPane';
import { useHidden, useHistory } from './useCorrections';

export default function StudyCorrectionsPage() {
  const { t } = useTranslation();
  const { uid = '' } = useParams();
  const me = useMe();
  const navigate = useNavigate();
  const study = useStudy(me.organisation.id, uid);
  const hidden = useHidden(uid);
  const history = useHistory(uid);
  useKeys({ Escape: () => void navigate('/corrections') });

  if (!hasRole(me, 'archivist')) return <EmptyState title={t('problem.forbidden')} />;
  // A study that is hidden whole is not there for anybody, but its archivist knows of it.
  const gone = isProblem(study.error, 'not-found');
  if (study.isError && !gone) return <ErrorNotice error={study.error} onRetry={() => void study.refetch()} />;
  if (hidden.isError) return <ErrorNotice error={hidden.error} onRetry={() => void hidden.refetch()} />;
  if (history.isError) return <ErrorNotice error={history.error} onRetry={() => void history.refetch()} />;
  if ((study.data === undefined && !gone) || hidden.data === undefined || history.data === undefined) return <PageSkeleton />;

  const hiddenStudy = hidden.data.studies.find((one) => one.study_instance_uid === uid);
  const shown = gone ? undefined : study.data;
  const made = history.data.corrections;
  if (shown === undefined && hiddenStudy === undefined && made.length === 0) {
    return <EmptyState title={t('problem.not-found')} hint={t('corrections.noStudy')} />;
  }
  return (
    <>
      <Bar shown={shown} hidden={hiddenStudy} />
      <div className={pane.pane}>
        <div className={classes.page}>
          {shown !== undefined && <Identity study={shown} />}
          <section className={classes.section} aria-label={t('corrections.content')}>
            <h2 className={classes.heading}>{t('corrections.content')}</h2>
            {shown === undefined && hiddenStudy !== undefined && <Text size="sm">{t('corrections.wholeHidden')}</Text>}
            {shown === undefined && hiddenStudy === undefined && <Text size="sm">{t('corrections.nothingLeft')}</Text>}
            <SeriesPane uid={uid} org={me.organisation.id} study={shown} lines={seriesLines(shown?.series ?? [], hiddenStudy)} />
          </section>
          <section className={classes.section} aria-label={t('corrections.history')}>
            <h2 className={classes.heading}>{t('corrections.history')}</h2>
            {made.length === 0 ? <Text c="dimmed">{t('corrections.noHistory')}</Text> : <History items={made} />}
          </section>
        </div>
      </div>
    </>
  );
}

function Bar({ shown, hidden }: { shown: StudyDetail | undefined; hidden: HiddenStudy | undefined }) {
  const { t } = useTranslation();
  const examText = useExamText();
  const patient = shown ?? hidden;
  return (
    <PageBar
      actions={
        shown !== undefined && (
          <Button variant="default" component={Link} to={studyAddress(shown)}>
            {t('corrections.look')}
          </Button>
        )
      }
    >
      {patient !== undefined && <Patient patient={patient} />}
      <span>
        {shown !== undefined ? examText(shown) : (hidden?.description ?? '')} {dicomDate(patient?.study_date ?? '')}
      </span>
      {shown === undefined && hidden !== undefined && <Chip tone="alarm">{t('corrections.hidden')}</Chip>}
    </PageBar>
  );
}

type Open = 'identity' | 'merge' | 'link' | null;

/** Whose the study is, and putting that right. */
function Identity({ study }: { study: StudyDetail }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  return (
    <section className={classes.section} aria-label={t('corrections.identity')}>
      <h2 className={classes.heading}>{t('corrections.identity')}</h2>
      <div className={classes.facts}>
        <Field label={t('corrections.attribute.name')}>{study.patient_name}</Field>
        <Field label={t('corrections.attribute.patientId')}>{study.patient_id}</Field>
        <Field label={t('corrections.attribute.issuer')}>{study.patient_id_issuer}</Field>
        <Field label={t('corrections.attribute.birthDate')}>{dicomDate(study.patient_birth_date)}</Field>
        <Field label={t('corrections.attribute.accession')}>{study.accession_number}</Field>
        <Field label={t('corrections.attribute.description')}>{study.description}</Field>
      </div>
      <Group gap="xs">
        <Button variant="default" onClick={() => setOpen('identity')}>
          {t('corrections.action.identity')}
        </Button>
        <Button variant="default" onClick={() => setOpen('merge')}>
          {t('corrections.action.merge')}
        </Button>
        <Button variant="default" onClick={() => setOpen('link')}>
          {t('corrections.action.link')}
        </Button>
      </Group>
      {open === 'identity' && <IdentityDialog study={study} onClose={close} />}
      {(open === 'merge' || open === 'link') && <PatientsDialog kind={open} study={study} onClose={close} />}
    </section>
  );
}
