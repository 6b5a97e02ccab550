/** The form of a request. Errors stand beside the field they are about. */
import { Button, Checkbox, Group, Paper, Select, Stack, Text, Textarea, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useEffectEvent, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { Problem } from '../api/problem';
import type { Consult, Partner } from '../api/types';
import { useMe } from '../session/useMe';
import { DropZone } from '../studies/DropZone';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Attachments } from './Attachments';
import { missingField, requestFrom, type AskDraft, type AskField, type AskStudy } from './askDraft';
import classes from './Consult.module.css';
import { PriorChoice } from './PriorChoice';
import { StudyChoice } from './StudyChoice';
import { useArriving } from './useArriving';
import { useAsk } from './useAsk';

const Papers = lazy(() => import('./Papers'));
const SeriesChoice = lazy(() => import('./SeriesChoice'));
const StillArriving = lazy(() => import('./StillArriving'));

const fields: readonly AskField[] = ['study', 'agreement', 'question', 'consent'];

/** The field that the server refused, when it named one that is on this page. */
function refusedField(error: unknown): AskField | null {
  if (!(error instanceof Problem) || error.status !== 422) return null;
  return fields.find((field) => field === error.field) ?? null;
}

/** After the next paint: the field at fault is on the screen and ready to be mended. */
function showFault(form: HTMLFormElement): void {
  requestAnimationFrame(() => {
    const field = form.querySelector<HTMLElement>('[aria-invalid="true"], [role="alert"]');
    field?.scrollIntoView({ block: 'center' });
    field?.focus({ preventScroll: true });
  });
}

export function AskForm({ study, consult }: { study: AskStudy | null; consult: Consult | null }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { draft, partners, offered, send, saving, attachments, ...does } = useAsk({ study, consult });
  /** The request as it was sent while images were missing: it goes once the last is here. */
  const [awaited, setAwaited] = useState<string | null>(null);
  /** What somebody is still changing never goes by itself. */
  const stopWaiting = () => setAwaited(null);
  const changing =
    <Args extends unknown[], Result>(work: (...args: Args) => Result) =>
    (...args: Args): Result => {
      stopWaiting();
      return work(...args);
    };
  const [change, attach, detach] = [changing(does.change), changing(does.attach), changing(does.detach)];
  const chooseStudy = useMutation({ mutationFn: changing(does.chooseStudy) });
  const me = useMe();
  const [papers, keepPapers] = useState<readonly File[]>([]);
  const setPapers = changing(keepPapers);
  const [arrived, setArrived] = useState(0);
  /** What has come in is what the question is about, if there is one and nothing else was chosen. */
  const stored = (studies: readonly string[]) => {
    const [only] = studies;
    setArrived(studies.length);
    if (draft.study === null && studies.length === 1 && only !== undefined) {
      chooseStudy.mutate({ org: me.organisation.id, study_instance_uid: only, slide_id: null });
    }
  };
  const [tried, setTried] = useState(false);
  const missing = missingField(draft);
  const wrong = (tried ? missing : null) ?? refusedField(send.error);
  const request = requestFrom(draft);
  const canBeKept = request !== null;
  const errorAt = (field: AskField) => (wrong === field ? t(`ask.missing.${field}`) : undefined);
  const partner = offered.find(({ organisation }) => organisation.id === draft.reading_organisation);

  const form = useRef<HTMLFormElement>(null);
  const fault = () => {
    if (form.current !== null) showFault(form.current);
  };
  const asked = JSON.stringify(request);
  // Also where it was not changed on this page: an agreement that ends never sends it to somebody else.
  const waits = awaited === asked;
  const { isArriving, look } = useArriving(draft.study, { inBackground: waits });

  const sendNow = () => {
    if (send.isPending) return;
    send.mutate(undefined, {
      onSuccess: (sent) => void navigate(`/cases/${sent.id}`),
      onError: (error) => void refused(error),
    });
  };
  /** An image may have come between the last look and the question: then it waits, unless it was changed meanwhile. */
  const refused = async (error: unknown) => {
    if (refusedField(error) === 'study' && (await look())) return send.reset();
    stopWaiting();
    fault();
  };
  const goOn = useEffectEvent(sendNow);
  useEffect(() => {
    if (waits && !isArriving) goOn();
  }, [waits, isArriving]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (missing !== null) return fault();
    if (send.isPending) return;
    send.reset();
    setAwaited(asked);
  };

  return (
    <DropZone onStored={stored} onPapers={(files) => setPapers((before) => [...before, ...files])}>
      <form ref={form} onSubmit={submit} onChange={stopWaiting} inert={send.isPending} className={classes.page} noValidate>
        <Stack gap="md">
          <Title order={1} size="h3">
            {t('ask.title')}
          </Title>
          <StepPanel number={1} title={t('ask.step.study')}>
            <StudyChoice study={draft.study} error={errorAt('study')} onChoose={(chosen) => chooseStudy.mutate(chosen)} />
            {chooseStudy.isError && <ErrorNotice error={chooseStudy.error} />}
            {draft.study === null && arrived > 1 && <Text role="status">{t('ask.severalArrived', { n: arrived })}</Text>}
            {papers.length > 0 && (
              <Suspense fallback={null}>
                <Papers
                  files={papers}
                  study={draft.study}
                  onRemove={(file) => setPapers(papers.filter((other) => other !== file))}
                  onSent={() => setPapers([])}
                />
              </Suspense>
            )}
            {draft.study !== null && (
              <Suspense fallback={null}>
                <SeriesChoice study={draft.study} leftOut={draft.left_out_series} onChange={change} />
              </Suspense>
            )}
            {draft.study !== null && <PriorChoice study={draft.study} chosen={draft.priors} onChoose={(priors) => change({ priors })} />}
          </StepPanel>
          <StepPanel number={2} title={t('ask.step.question')}>
            {partners.isError && <ErrorNotice error={partners.error} onRetry={() => void partners.refetch()} />}
            {partners.isSuccess && offered.length === 0 && <Text c="dimmed">{t('ask.noPartner')}</Text>}
            <AgreementFields draft={draft} offered={offered} partner={partner} error={errorAt('agreement')} change={change} />
            <Textarea
              label={t('consult.question')}
              placeholder={t('ask.questionHint')}
              required
              autosize
              minRows={2}
              error={errorAt('question')}
              value={draft.question}
              onChange={(event) => change({ question: event.currentTarget.value })}
            />
            <Textarea
              label={t('consult.history')}
              placeholder={t('ask.historyHint')}
              autosize
              minRows={3}
              value={draft.history}
              onChange={(event) => change({ history: event.currentTarget.value })}
            />
            <Attachments
              consult={{ id: draft.kept?.id ?? '', attachments }}
              onAdd={canBeKept ? attach : null}
              onRemove={canBeKept ? detach : null}
            />
            <Checkbox
              label={t('ask.consent')}
              checked={draft.consent}
              error={errorAt('consent')}
              onChange={(event) => change({ consent: event.currentTarget.checked })}
            />
          </StepPanel>
          <StepPanel number={3} title={t('ask.step.send')}>
            {send.isError && wrong === null && <ErrorNotice error={send.error} />}
            {isArriving && draft.study !== null && (
              <Suspense fallback={null}>
                <StillArriving waits={waits} onStop={stopWaiting} />
              </Suspense>
            )}
            <Group justify="space-between">
              <Text size="sm" c="dimmed">
                {t(`ask.saving.${saving}`)}
              </Text>
              <Button type="submit" size="lg" loading={send.isPending || waits}>
                {t('ask.send')}
              </Button>
            </Group>
          </StepPanel>
        </Stack>
      </form>
    </DropZone>
  );
}

function StepPanel({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section" className={classes.panel}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {number}. {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  );
}

interface AgreementProps {
  draft: AskDraft;
  offered: Partner[];
  partner: Partner | undefined;
  error: string | undefined;
  change: (part: Partial<AskDraft>) => void;
}

function AgreementFields({ draft, offered, partner, error, change }: AgreementProps) {
  const { t } = useTranslation();
  const disabled = offered.length === 0;
  const kinds = partner?.kinds ?? [];
  const urgencies = partner?.urgencies ?? [];
  const within = (minutes: number) =>
    minutes < 120 ? t('ask.minutes', { n: minutes }) : t('ask.hours', { n: Math.round(minutes / 60) });
  return (
    <Group grow align="flex-start" preventGrowOverflow={false}>
      <Select
        label={t('consult.reading')}
        error={error}
        disabled={disabled}
        allowDeselect={false}
        data={offered.map(({ organisation }) => ({ value: organisation.id, label: organisation.name }))}
        value={draft.reading_organisation}
        onChange={(id) => change({ reading_organisation: id })}
      />
      <Select
        label={t('consult.kind')}
        disabled={disabled}
        allowDeselect={false}
        data={kinds.map((value) => ({ value, label: t(`kind.${value}`) }))}
        value={draft.kind}
        onChange={(value) => change({ kind: kinds.find((kind) => kind === value) ?? null })}
      />
      <Select
        label={t('consult.urgency')}
        disabled={disabled}
        allowDeselect={false}
        data={urgencies.map(({ urgency, turnaround_min }) => ({
          value: urgency,
          label: t('ask.turnaround', { urgency: t(`urgency.${urgency}`), time: within(turnaround_min) }),
        }))}
        value={draft.urgency}
        onChange={(value) => change({ urgency: urgencies.find(({ urgency }) => urgency === value)?.urgency ?? null })}
      />
    </Group>
  );
}
