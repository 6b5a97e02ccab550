/** The form of a request. Errors stand beside the field they are about. */
import { Alert, Button, Checkbox, Group, Paper, Select, Stack, Text, Textarea, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useEffect, useEffectEvent, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { Problem } from '../api/problem';
import type { Consult, Partner } from '../api/types';
import { useMe } from '../session/useMe';
import { DropZone } from '../studies/DropZone';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useProblemText } from '../ui/useProblemText';
import { useTurnaround } from '../ui/useTurnaround';
import { Attachments } from './Attachments';
import { missingField, requestFrom, type AskDraft, type AskStudy } from './askDraft';
import classes from './Consult.module.css';
import { failedCount } from './ownFiles';
import { PriorChoice } from './PriorChoice';
import { StudyChoice } from './StudyChoice';
import { useArriving } from './useArriving';
import { Stopped, useAsk } from './useAsk';
import { drop, interrupted, noteOnPage, waitElsewhere, waitingElsewhere, type Waiting } from './waiting';

const NotArrived = lazy(() => import('./NotArrived'));
const Papers = lazy(() => import('./Papers'));
const SeriesChoice = lazy(() => import('./SeriesChoice'));
const StillArriving = lazy(() => import('./StillArriving'));

const fields = ['study', 'agreement', 'question', 'history', 'consent'] as const;
type Field = (typeof fields)[number];

/** Longer than an answer takes on a line that is merely slow. */
const slow_ms = 8_000;

/** The field that the server refused, when it named one that is on this page. */
function refusedField(error: unknown): Field | null {
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
  const { draft, partners, offered, save, send, stopSending, saving, attachments, ...does } = useAsk({ study, consult });
  const problemText = useProblemText();
  /** It waited while this page was left. */
  const [before] = useState(() => waitingElsewhere().find(({ kept, sent }) => sent === null && kept !== null && kept.id === draft.kept?.id));
  /** The request as it was sent while images were missing: it goes once the last is here. */
  const [awaited, setAwaited] = useState(before?.asked ?? null);
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
  const absent = tried ? missing : null;
  const refused = refusedField(send.error);
  const request = requestFrom(draft);
  const canBeKept = request !== null;
  /** What is not there, or what the server has against what is there. */
  const errorAt = (field: Field): string | undefined => {
    if (absent !== null) return absent === field ? t(`ask.missing.${absent}`) : undefined;
    if (refused !== field) return undefined;
    const { title, detail } = problemText(send.error);
    return detail ?? title;
  };
  const partner = offered.find(({ organisation }) => organisation.id === draft.reading_organisation);

  const form = useRef<HTMLFormElement>(null);
  const fault = () => {
    if (form.current !== null) showFault(form.current);
  };
  const asked = JSON.stringify(request);
  // Also where it was not changed on this page: an agreement that ends never sends it to somebody else.
  const waits = awaited === asked;
  const { isArriving, mayGo, own, look } = useArriving(draft.study, { inBackground: waits });
  const failed = failedCount(own);
  const waiting = (): Waiting | null => {
    if (waits && draft.study !== null) return { person: me.person.id, kept: draft.kept, once: draft.once, study: draft.study, asked, sent: null };
    // What is on offer is not known yet: nor whether it is still the same question.
    return before !== undefined && awaited === before.asked && !partners.isSuccess ? before : null;
  };
  const forgetWaiting = useWaitingElsewhere(before, waiting());
  const isSlow = useIsSlow(send.isPending);

  const sendNow = () => {
    if (send.isPending) return;
    send.mutate(undefined, {
      onSuccess: (sent) => {
        forgetWaiting();
        void navigate(`/cases/${sent.id}`);
      },
      onError: (error) => void notSent(error),
    });
  };
  /** An image may have come between the last look and the question: then it waits, unless it was changed meanwhile. */
  const notSent = async (error: unknown) => {
    if (refusedField(error) === 'study' && (await look())) return send.reset();
    stopWaiting();
    fault();
  };
  const goOn = useEffectEvent(sendNow);
  const isReady = waits && !isArriving && failed === 0;
  useEffect(() => {
    if (isReady) goOn();
  }, [isReady]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (missing !== null) return fault();
    if (send.isPending) return;
    send.reset();
    // What is missing is said first.
    if (failed > 0) return fault();
    setAwaited(asked);
    // So that it is there if this page is left meanwhile; what is wrong with it is said when it is sent.
    if (isArriving) void save().catch(() => undefined);
  };

  return (
    <DropZone onStored={stored} onPapers={(files) => setPapers((before) => [...before, ...files])}>
      {isSlow && <StillSending onStop={stopSending} />}
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
              error={errorAt('history')}
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
            {send.isError && absent === null && refused === null && <SendError error={send.error} />}
            {interrupted === asked && !waits && !send.isError && (
              <Alert color="yellow" variant="outline" role="status">
                {t('arriving.interrupted')}
              </Alert>
            )}
            {draft.study !== null && failed > 0 && (
              <Suspense fallback={null}>
                <NotArrived own={own} waits={waits} onGoWithout={() => setAwaited(asked)} />
              </Suspense>
            )}
            {draft.study !== null && isArriving && (
              <Suspense fallback={null}>
                <StillArriving own={own} waits={waits} onStop={stopWaiting} onGo={waits && failed === 0 && mayGo === true ? sendNow : null} />
              </Suspense>
            )}
            <Group justify="space-between">
              <Text size="sm" c="dimmed">
                {t(`ask.saving.${saving}`)}
              </Text>
              <Button type="submit" size="lg" loading={send.isPending || (waits && failed === 0)}>
                {t('ask.send')}
              </Button>
            </Group>
          </StepPanel>
        </Stack>
      </form>
    </DropZone>
  );
}

/** An answer is long in coming: nobody has to wait for it. */
function StillSending({ onStop }: { onStop: () => void }) {
  const { t } = useTranslation();
  return (
    <Alert color="yellow" variant="outline" role="status" className={classes.slow}>
      <Group justify="space-between">
        <Text size="sm">{t('ask.slow')}</Text>
        <Button size="xs" variant="default" onClick={onStop}>
          {t('ask.stopWaiting')}
        </Button>
      </Group>
    </Alert>
  );
}

function SendError({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (!(error instanceof Stopped)) return <ErrorNotice error={error} />;
  return (
    <Alert color="red" variant="outline" role="alert">
      {t('ask.stopped')}
    </Alert>
  );
}

/** Whether something has been pending for long. */
function useIsSlow(isPending: boolean): boolean {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    if (!isPending) return;
    const timer = setTimeout(() => setIsLong(true), slow_ms);
    return () => {
      clearTimeout(timer);
      setIsLong(false);
    };
  }, [isPending]);
  return isPending && isLong;
}

/** A question that waits goes on waiting when its page is left, and is taken back by it. The result has it forgotten. */
function useWaitingElsewhere(before: Waiting | undefined, waiting: Waiting | null): () => void {
  const latest = useRef<Waiting | null>(null);
  useEffect(() => {
    latest.current = waiting;
    noteOnPage(waiting?.asked ?? null);
  });
  useEffect(() => {
    if (before !== undefined) drop(before);
    return () => {
      noteOnPage(null);
      if (latest.current !== null) waitElsewhere(latest.current);
    };
  }, [before]);
  return useCallback(() => {
    latest.current = null;
  }, []);
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
  const turnaround = useTurnaround();
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
          label: t('ask.turnaround', { urgency: t(`urgency.${urgency}`), time: turnaround(turnaround_min) }),
        }))}
        value={draft.urgency}
        onChange={(value) => change({ urgency: urgencies.find(({ urgency }) => urgency === value)?.urgency ?? null })}
      />
    </Group>
  );
}
