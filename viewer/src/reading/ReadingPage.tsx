/** A case in front of its reader or reviewer: who and how long on top, images in the middle, the report on the right. */
import { Alert, Button } from '@mantine/core';
import { lazy, Suspense, useCallback, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Consult, FrameKeyImage } from '../api/types';
import type { ActOn } from '../consult/useConsult';
import { useMe } from '../session/useMe';
import { useOpensNext } from '../session/usePreferences';
import classes from '../templates/Templates.module.css';
import { useEdition } from '../templates/useTemplates';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Split } from '../ui/Split';
import { useKeys } from '../ui/useKeys';
import { BesideReport, type Beside } from './BesideReport';
import { CaseBar } from './CaseBar';
import { CaseImages } from './CaseImages';
import { evidenceOf } from './evidence';
import { taken } from './keyImagesOf';
import { LostCase } from './LostCase';
import { PhoneBar } from './PhoneBar';
import { turnToReport } from './reportFocus';
import { ReportPane } from './ReportPane';
import { useLease } from './useLease';
import { useNextAhead, useNextCase } from './useNextCase';
import { usePhoneSignature } from './usePhoneSignature';
import { mayWrite, signsAs, useReport } from './useReport';
import windowClasses from './window/ReportWindow.module.css';
import { useAway } from './window/useAway';

const SignDialog = lazy(() => import('./SignDialog'));

export default function ReadingPage({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const [signing, setSigning] = useState(false);
  const [beside, setBeside] = useState<Beside | null>(null);
  const opener = useRef<((image: FrameKeyImage) => void) | null>(null);
  const onOpener = useCallback((open: (image: FrameKeyImage) => void) => {
    opener.current = open;
  }, []);
  const next = useNextCase(consult);
  const { open: openNext } = next;
  useNextAhead(consult, signing);
  const away = useAway(consult.id, (image) => opener.current?.(image));
  const { isThere } = away;
  const isMine = mayWrite(consult, me);
  const [opensNext] = useOpensNext(me);
  const onPhoneSigned = useCallback(() => {
    setSigning(false);
    // The window with the report, where there is one, opens the next case in both.
    if (opensNext && !isThere) openNext('stays');
  }, [opensNext, isThere, openNext]);
  const { signature: phone, isKnown } = usePhoneSignature(consult.id, onPhoneSigned);
  // Written in one window at a time; and what somebody is agreeing to on the telephone stays as it is: even an image that is looked at
  // would change it.
  const editable = isMine && !away.isAway && isKnown && phone?.progress !== 'waiting';
  const report = useReport(consult, editable);
  const leaseLost = useLease(consult);
  const signs = signsAs(consult);
  const actOn: ActOn = away.isThere ? async (act) => act(await away.flush()) : report.actOn;

  const edition = useEdition(report.text.template_version === null ? null : report.text.template, report.text.template_version);
  const template = edition.data ?? null;
  // Also what is seen before the other window is there: it is told when it comes.
  const { saw: sawHere } = report;
  const { saw: sawThere } = away;
  const saw = useCallback(
    (sop: string) => {
      sawHere(sop);
      sawThere(sop);
    },
    [sawHere, sawThere],
  );
  const turn = (what: Beside) => setBeside((now) => (now === what ? null : what));

  const somethingToDo = signs !== null || consult.allowed.includes('claim');

  const takeHere = (image: FrameKeyImage) => {
    const { images, what } = taken(report.keyImages, image, evidenceOf(consult));
    if (images !== null) report.chooseKeyImages(images);
    return what;
  };
  const take = async (image: FrameKeyImage): Promise<string> => {
    const what = away.isThere ? await away.take(image) : takeHere(image);
    if (what === null) return t('reportWindow.silent');
    if (what.kind === 'refused') return t('reportWindow.refused');
    return t(`images.key.${what.kind}`, what.kind === 'taken' ? { n: what.n } : {});
  };

  useKeys({
    'Ctrl+Enter': () => {
      // Where nothing is signed, the key is the case's main button.
      if (signs === null) return false;
      if (away.isThere) away.sign();
      else setSigning(true);
      return true;
    },
    // They work while somebody types.
    'Ctrl+p': () => turn('page'),
    'Ctrl+d': () => turn('prior'),
    n: () => openNext(),
    F2: () => (away.isThere ? away.show() : turnToReport()),
    Escape: () => void navigate('/'),
  });

  return (
    <>
      <CaseBar consult={consult} actOn={actOn} onNext={somethingToDo ? null : openNext} />
      {next.error !== null && <ErrorNotice error={next.error} onRetry={() => openNext()} />}
      {leaseLost && (
        <Alert color="yellow" variant="outline" role="status">
          {t('reading.leaseLost')}
        </Alert>
      )}
      <LostCase consult={consult} editable={isMine} />
      {phone?.progress === 'waiting' && !signing && <PhoneBar code={phone.code} onShow={() => setSigning(true)} />}
      {away.isThere && (
        <div className={windowClasses.note} role="status">
          {t('reportWindow.away')}
          <Button size="compact-sm" variant="default" onClick={away.callBack}>
            {t('reportWindow.back')}
          </Button>
        </div>
      )}
      <Split
        storageKey="farsight.reading.report"
        label={t('reading.divider')}
        initial={400}
        min={280}
        minLeft={360}
        leftOnly={away.isThere}
        left={
          <div className={classes.beside}>
            <div className={classes.images}>
              <CaseImages
                consult={consult}
                onDisplayed={saw}
                keyImages={{ take: isMine && (away.isThere || (editable && report.other === null)) ? take : null, onOpener }}
              />
            </div>
            {beside !== null && <BesideReport what={beside} consult={consult} report={report} isMine={isMine} editable={editable} onClose={() => setBeside(null)} />}
          </div>
        }
        right={
          <ReportPane
            consult={consult}
            report={report}
            template={template}
            templateError={edition.error}
            editable={editable}
            signs={signs}
            onSign={() => setSigning(true)}
            onBeside={turn}
            onDetach={away.open}
            onOpenKeyImage={(image) => opener.current?.(image)}
          />
        }
      />
      {signing && signs !== null && (
        <Suspense fallback={<PageSkeleton rows={2} />}>
          <SignDialog
            consult={consult}
            as={signs}
            flush={report.flush}
            hold={report.hold}
            template={template}
            phone={phone}
            onClose={() => setSigning(false)}
            onSigned={() => openNext('stays')}
          />
        </Suspense>
      )}
    </>
  );
}
