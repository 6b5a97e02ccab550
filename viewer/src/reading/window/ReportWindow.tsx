/** A case's report in a window of its own, for a second screen: it follows the case whose images the other window shows. */
import { Alert } from '@mantine/core';
import { lazy, Suspense, useCallback, useEffect, useEffectEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import type { Consult, FrameKeyImage } from '../../api/types';
import { isProblem } from '../../api/problem';
import { useConsult, useStep } from '../../consult/useConsult';
import { LiveSign } from '../../live/LiveSign';
import { useMe } from '../../session/useMe';
import { useAppearance, useOpensNext } from '../../session/usePreferences';
import { useEdition } from '../../templates/useTemplates';
import { Clock } from '../../ui/Clock';
import { isRunning } from '../../ui/consultState';
import { EmptyState } from '../../ui/EmptyState';
import { ErrorNotice } from '../../ui/ErrorNotice';
import { PageBar } from '../../ui/PageBar';
import { PageSkeleton } from '../../ui/PageSkeleton';
import { Patient } from '../../ui/Patient';
import { StateChip } from '../../ui/StateChip';
import { useExamText } from '../../ui/useExamText';
import { useKeys } from '../../ui/useKeys';
import { useTitle } from '../../ui/useTitle';
import { BesideReport, type Beside } from '../BesideReport';
import { evidenceOf } from '../evidence';
import { taken } from '../keyImagesOf';
import LostAccess from '../LostAccess';
import { LostCase } from '../LostCase';
import { PhoneBar } from '../PhoneBar';
import { turnToReport } from '../reportFocus';
import { ReportPane } from '../ReportPane';
import { useLease } from '../useLease';
import { useNextAhead, useNextCase } from '../useNextCase';
import { usePhoneSignature } from '../usePhoneSignature';
import { mayWrite, signsAs, useReport } from '../useReport';
import { holdReport, lineOf, type Line, type TakenThere, type ToImages, type ToReport } from './pairing';
import classes from './ReportWindow.module.css';

const SignDialog = lazy(() => import('../SignDialog'));

type ToOther = Line<ToReport, ToImages>;

let opened: { pair: string; line: ToOther } | null = null;

/** The line of this window, which lives as long as it does. */
function lineHere(pair: string): ToOther {
  if (opened?.pair !== pair) {
    opened?.line.close();
    holdReport(pair);
    opened = { pair, line: lineOf<ToReport, ToImages>(pair, 'report') };
  }
  return opened.line;
}

export default function ReportWindow() {
  const { t } = useTranslation();
  const [address, setAddress] = useSearchParams();
  const pair = address.get('pair') ?? '';
  const id = address.get('case');
  const line = pair === '' ? null : lineHere(pair);
  useAppearance();
  useTitle(t('report.title'));

  const turnTo = useCallback((next: string | null) => setAddress(next === null ? { pair } : { pair, case: next }, { replace: true }), [pair, setAddress]);

  if (id === null || line === null) {
    return <Waiting line={line} onCase={turnTo} />;
  }
  return (
    <div className={classes.window}>
      <ReportOf key={id} id={id} line={line} turnTo={turnTo} />
      <LiveSign />
    </div>
  );
}

/** What the window hears while it writes no report; `null`: one is written, which hears for itself. */
function useWithoutReport(line: ToOther | null, onCase: (id: string) => void) {
  useEffect(
    () =>
      line?.hear((message) => {
        if (message.what === 'case') onCase(message.id);
        if (message.what === 'take') line.say({ to: 'images', what: 'taken', n: message.n, taken: { kind: 'refused' } });
        if (message.what === 'close') window.close();
      }),
    [line, onCase],
  );
}

/** No case is open; the next one that the other window shows is. */
function Waiting({ line, onCase }: { line: ToOther | null; onCase: (id: string) => void }) {
  const { t } = useTranslation();
  useEffect(() => {
    line?.say({ to: 'images', what: 'ready', id: null });
  }, [line]);
  useWithoutReport(line, onCase);
  return <EmptyState title={t('reportWindow.waiting')} hint={t('reportWindow.waitingHint')} />;
}

function ReportOf({ id, line, turnTo }: { id: string; line: ToOther; turnTo: (id: string | null) => void }) {
  const me = useMe();
  const consult = useConsult(id);
  const retry = () => void consult.refetch();
  const lost = isProblem(consult.error, 'forbidden') || isProblem(consult.error, 'not-found') ? consult.error : null;
  // Once the report is there it says so by itself, and closes only after its words are sent.
  useWithoutReport(lost !== null || consult.data === undefined ? line : null, turnTo);
  if (lost !== null) return <LostAccess id={id} error={lost} onRetry={retry} />;
  if (consult.data === undefined) return consult.isError ? <ErrorNotice error={consult.error} onRetry={retry} /> : <PageSkeleton />;
  const others = consult.data.timeline.findLastIndex(({ state, by }) => state === 'reading' && by !== null && by.id !== me.person.id);
  return <Writing key={others} consult={consult.data} line={line} turnTo={turnTo} />;
}

function Writing({ consult, line, turnTo }: { consult: Consult; line: ToOther; turnTo: (id: string | null) => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const examText = useExamText();
  const [signing, setSigning] = useState(false);
  const [beside, setBeside] = useState<Beside | null>(null);
  const isMine = mayWrite(consult, me);
  const [opensNext] = useOpensNext(me);
  const go = useCallback(
    (next: string | null) => {
      line.say({ to: 'images', what: 'open', id: next });
      turnTo(next);
    },
    [line, turnTo],
  );
  const next = useNextCase(consult, go);
  const { open: openNext } = next;
  useNextAhead(consult, signing);
  const onPhoneSigned = useCallback(() => {
    setSigning(false);
    if (opensNext) openNext('stays');
  }, [opensNext, openNext]);
  const { signature: phone, isKnown } = usePhoneSignature(consult.id, onPhoneSigned);
  // What somebody is agreeing to on the telephone stays as it is.
  const editable = isMine && isKnown && phone?.progress !== 'waiting';
  const report = useReport(consult, editable);
  const step = useStep(consult, report.actOn);
  const leaseLost = useLease(consult);
  const signs = signsAs(consult);
  const edition = useEdition(report.text.template_version === null ? null : report.text.template, report.text.template_version);
  const template = edition.data ?? null;
  const evidence = useMemo(() => evidenceOf(consult), [consult]);
  const turn = (what: Beside) => setBeside((now) => (now === what ? null : what));

  const take = (image: FrameKeyImage): TakenThere => {
    if (!editable || report.other !== null) return { kind: 'refused' };
    const { images, what } = taken(report.keyImages, image, evidence);
    if (images !== null) report.chooseKeyImages(images);
    return what;
  };

  const hear = useEffectEvent((message: ToReport) => {
    if (message.what === 'close') {
      // What could not be sent is kept in this browser, and gone on with in the other window.
      void report
        .flush()
        .catch(() => undefined)
        .finally(() => window.close());
      return;
    }
    if (message.what === 'take') {
      line.say({ to: 'images', what: 'taken', n: message.n, taken: message.id === consult.id ? take(message.image) : { kind: 'refused' } });
      return;
    }
    if (message.id !== consult.id) {
      if (message.what === 'case') turnTo(message.id);
      return;
    }
    if (message.what === 'saw') message.images.forEach(report.saw);
    if (message.what === 'sign' && signs !== null) setSigning(true);
    if (message.what === 'flush') {
      const { n } = message;
      report.flush().then(
        (version) => line.say({ to: 'images', what: 'flushed', n, version }),
        () => line.say({ to: 'images', what: 'flushed', n, version: null }),
      );
    }
  });
  useEffect(() => {
    const stop = line.hear((message) => hear(message));
    line.say({ to: 'images', what: 'ready', id: consult.id });
    return stop;
  }, [line, consult.id]);

  useKeys({
    'Ctrl+Enter': () => {
      if (signs !== null) setSigning(true);
      else if (consult.allowed.includes('claim') && !step.isPending) step.mutate({ action: 'claim' });
    },
    'Ctrl+p': () => turn('page'),
    'Ctrl+d': () => turn('prior'),
    n: () => openNext(),
    F2: turnToReport,
  });

  return (
    <>
      <PageBar>
        <Patient patient={consult} />
        <span>{examText(consult.study)}</span>
        {isRunning(consult.state) && consult.amendment === null && <Clock consult={consult} />}
        <StateChip state={consult.state} />
      </PageBar>
      {next.error !== null && <ErrorNotice error={next.error} onRetry={() => openNext()} />}
      {step.isError && <ErrorNotice error={step.error} />}
      {leaseLost && (
        <Alert color="yellow" variant="outline" role="status">
          {t('reading.leaseLost')}
        </Alert>
      )}
      <LostCase consult={consult} editable={isMine} />
      {phone?.progress === 'waiting' && !signing && <PhoneBar code={phone.code} onShow={() => setSigning(true)} />}
      <div className={classes.body}>
        <div className={classes.report}>
          <ReportPane
            consult={consult}
            report={report}
            template={template}
            templateError={edition.error}
            editable={editable}
            signs={signs}
            onSign={() => setSigning(true)}
            onBeside={turn}
            onDetach={null}
            onOpenKeyImage={(image) => line.say({ to: 'images', what: 'show', id: consult.id, image })}
          />
        </div>
        {beside !== null && <BesideReport what={beside} consult={consult} report={report} isMine={isMine} editable={editable} onClose={() => setBeside(null)} />}
      </div>
      {signing && signs !== null && (
        <Suspense fallback={<PageSkeleton rows={2} />}>
          <SignDialog consult={consult} as={signs} flush={report.flush} hold={report.hold} template={template} phone={phone} onClose={() => setSigning(false)} onSigned={() => openNext('stays')} />
        </Suspense>
      )}
    </>
  );
}
