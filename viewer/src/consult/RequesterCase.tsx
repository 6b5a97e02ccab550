/** For whoever asked: where the case is, what was asked, and the answer when it is there. */
import { Button, Group, Paper, Stack, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { CriticalList } from '../alarms/CriticalList';
import { consults, type ReasonedAction } from '../api/endpoints';
import type { Attachment, Consult } from '../api/types';
import { CaseDeliveries } from '../deliveries/CaseDeliveries';
import { MessagesButton } from '../messages/MessagesButton';
import { SecondDialog } from '../second/SecondDialog';
import { SecondOpinions } from '../second/SecondOpinions';
import { studyAddress } from '../studies/addresses';
import { Clock } from '../ui/Clock';
import { isRunning } from '../ui/consultState';
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
import { Attachments } from './Attachments';
import classes from './Consult.module.css';
import { Questions } from './Questions';
import { StepDialog } from './StepDialog';
import { Timeline } from './Timeline';
import { rememberConsult, useStep } from './useConsult';
import { WaitNote } from './WaitNote';

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
        {isRunning(consult.state) && consult.amendment === null && <Clock consult={consult} />}
        <span>{consult.number}</span>
      </PageBar>
      <Stack className={classes.page} gap="md">
        {step.isError && <ErrorNotice error={step.error} />}
        <CriticalList consult={consult} />
        <WaitNote consult={consult} asksRequester={consult.allowed.includes('resume')} />
        <Timeline entries={consult.timeline} />
        {consult.versions.length > 0 && <Answer consult={consult} />}
        <SecondOpinions consult={consult} />
        {consult.versions.length > 0 && <CaseDeliveries consult={consult.id} framed />}
        <Questions consult={consult} />
        <Asked consult={consult} />
      </Stack>
    </>
  );
}

function RequesterActions({ consult, step }: { consult: Consult; step: ReturnType<typeof useStep> }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState<ReasonedAction | null>(null);
  const [second, setSecond] = useState(false);
  const may = (action: Consult['allowed'][number]) => consult.allowed.includes(action);
  const worded = (['cancel', 'ask_back', 'record_decision'] as const).filter(may);
  return (
    <>
      <MessagesButton consult={consult} />
      {may('edit') && consult.state === 'draft' && (
        <Button component={Link} to={`/ask?draft=${consult.id}`} variant="default">
          {t('consult.action.edit')}
        </Button>
      )}
      {worded.map((action) => (
        <Button key={action} variant="default" onClick={() => setAsking(action)}>
          {t(`consult.action.${action}`)}
        </Button>
      ))}
      {may('second_opinion') && (
        <Button variant="default" onClick={() => setSecond(true)}>
          {t('consult.action.second_opinion')}
        </Button>
      )}
      {may('resume') && <Button onClick={() => setAsking('resume')}>{t('consult.waiting.supplied')}</Button>}
      {may('acknowledge') && (
        <Button loading={step.isPending} onClick={() => step.mutate({ action: 'acknowledge' })}>
          {t('consult.action.acknowledge')}
        </Button>
      )}
      {second && <SecondDialog consult={consult} onClose={() => setSecond(false)} />}
      <StepDialog action={asking} onClose={() => setAsking(null)} onConfirm={(action, reason) => step.mutateAsync({ action, reason })} />
    </>
  );
}

/** While data are awaited, more can be attached. */
function RequesterAttachments({ consult }: { consult: Consult }) {
  const cache = useQueryClient();
  const latest = useRef(consult.version);
  useEffect(() => {
    latest.current = consult.version;
  }, [consult.version]);
  const remember = (next: Consult) => {
    latest.current = next.version;
    rememberConsult(cache, next);
  };
  const attach = async (file: File) => remember(await consults.attach(consult.id, latest.current, file));
  const detach = async ({ sha256 }: Attachment) => remember(await consults.detach(consult.id, latest.current, sha256));
  // What was sent with the question stays; what was attached since it is waited for can be taken back.
  const since = Date.parse(consult.waits.at(-1)?.since ?? '');
  const mayAdd = consult.allowed.includes('attach') && consult.state === 'awaiting_data';
  return <Attachments consult={consult} onAdd={mayAdd ? attach : null} onRemove={mayAdd ? detach : null} mayRemove={({ at }) => Date.parse(at) >= since} />;
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
        {consult.priors.length > 0 && (
          <Field label={t('ask.priors')}>
            {consult.priors.map((prior) => `${examText(prior)} ${dicomDate(prior.study_date)}`).join(t('common.listSeparator'))}
          </Field>
        )}
        <Field label={t('consult.reading')}>
          {consult.reading.name}
          {consult.reader !== null && ` · ${consult.reader.name}`}
        </Field>
        <Field label={t('consult.kind')}>{t(`kind.${consult.kind}`)}</Field>
        <Field label={t('consult.question')}>{consult.question}</Field>
        <Field label={t('consult.history')}>{consult.history}</Field>
        <RequesterAttachments consult={consult} />
        {consult.evidence.length > 0 && (
          <Field label={t('consult.evidence')}>{t('consult.evidenceCount', { n: consult.evidence.length })}</Field>
        )}
      </Stack>
    </Paper>
  );
}
