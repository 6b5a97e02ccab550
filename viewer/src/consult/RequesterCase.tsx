/** For whoever asked: where the case is, what was asked, and the answer when it is there. */
import { Button, Group, Paper, Stack, Title } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import type { Consult } from '../api/types';
import { studyAddress } from '../studies/addresses';
import { Clock } from '../ui/Clock';
import { isAnswered, isRunning } from '../ui/consultState';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { PageBar } from '../ui/PageBar';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { markOpen } from '../ui/timing';
import { UrgencyChip } from '../ui/UrgencyChip';
import { useKeys } from '../ui/useKeys';
import { useExamText } from '../ui/useExamText';
import { Answer } from './Answer';
import classes from './Consult.module.css';
import { ReasonDialog } from './ReasonDialog';
import { Timeline } from './Timeline';
import { useStep } from './useConsult';

export function RequesterCase({ consult }: { consult: Consult }) {
  const navigate = useNavigate();
  const step = useStep(consult);
  useKeys({ Escape: () => void navigate('/') });

  return (
    <>
      <PageBar actions={<RequesterActions consult={consult} step={step} />}>
        <Patient patient={consult} />
        <StateChip state={consult.state} />
        <UrgencyChip urgency={consult.urgency} />
        {isRunning(consult.state) && <Clock consult={consult} />}
        <span>{consult.number}</span>
      </PageBar>
      <Stack className={classes.page} gap="md">
        {step.isError && <ErrorNotice error={step.error} />}
        <Timeline entries={consult.timeline} />
        {isAnswered(consult.state) && <Answer consult={consult} />}
        <Asked consult={consult} />
      </Stack>
    </>
  );
}

function RequesterActions({ consult, step }: { consult: Consult; step: ReturnType<typeof useStep> }) {
  const { t } = useTranslation();
  const [cancelling, setCancelling] = useState(false);
  const may = (action: Consult['allowed'][number]) => consult.allowed.includes(action);
  return (
    <>
      {may('edit') && consult.state === 'draft' && (
        <Button component={Link} to={`/ask?draft=${consult.id}`} variant="default">
          {t('consult.action.edit')}
        </Button>
      )}
      {may('cancel') && (
        <Button variant="default" onClick={() => setCancelling(true)}>
          {t('consult.action.cancel')}
        </Button>
      )}
      {may('acknowledge') && (
        <Button loading={step.isPending} onClick={() => step.mutate({ action: 'acknowledge' })}>
          {t('consult.action.acknowledge')}
        </Button>
      )}
      <ReasonDialog
        opened={cancelling}
        title={t('consult.cancelTitle')}
        confirm={t('consult.action.cancel')}
        required={false}
        onClose={() => setCancelling(false)}
        onConfirm={(reason) => step.mutate({ action: 'cancel', reason })}
      />
    </>
  );
}

function Asked({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const examText = useExamText();
  const { study, slide_id } = consult;
  const images = studyAddress({
    organisation: { id: study.org, name: '' },
    study_instance_uid: study.study_instance_uid,
    slide_ids: slide_id === null ? [] : [slide_id],
  });
  return (
    <Paper withBorder p="md" component="section" className={classes.panel}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {t('consult.asked')}
          </Title>
          <Button component={Link} to={images} variant="light" onClick={markOpen}>
            {t('consult.openImages')}
          </Button>
        </Group>
        <Field label={t('consult.study')}>
          {examText(consult.study)} {dicomDate(study.study_date)}
        </Field>
        <Field label={t('consult.reading')}>
          {consult.reading.name}
          {consult.reader !== null && ` · ${consult.reader.name}`}
        </Field>
        <Field label={t('consult.kind')}>{t(`kind.${consult.kind}`)}</Field>
        <Field label={t('consult.question')}>{consult.question}</Field>
        <Field label={t('consult.history')}>{consult.history}</Field>
        {consult.evidence.length > 0 && (
          <Field label={t('consult.evidence')}>{t('consult.evidenceCount', { n: consult.evidence.length })}</Field>
        )}
      </Stack>
    </Paper>
  );
}
