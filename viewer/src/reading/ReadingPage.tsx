/** A case in front of its reader or reviewer: who and how long on top, images in the middle, the report on the right. */
import { Alert } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { PageSkeleton } from '../ui/PageSkeleton';
import { Split } from '../ui/Split';
import { useKeys } from '../ui/useKeys';
import { CaseBar } from './CaseBar';
import { CaseImages } from './CaseImages';
import { ReportPane } from './ReportPane';
import { useLease } from './useLease';
import { useNextCase } from './useNextCase';
import { useReport } from './useReport';

const SignDialog = lazy(() => import('./SignDialog'));

export default function ReadingPage({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const [signing, setSigning] = useState(false);
  const openNext = useNextCase(consult);
  const mayRead = consult.allowed.includes('sign') || consult.allowed.includes('edit');
  const editable = mayRead && consult.reader?.id === me.person.id;
  const report = useReport(consult, editable);
  const leaseLost = useLease(consult);
  const signs = consult.allowed.includes('sign') ? 'sign' : consult.allowed.includes('review') ? 'review' : null;

  const somethingToDo = signs !== null || consult.allowed.includes('claim');

  useKeys({
    'Ctrl+Enter': () => {
      if (signs !== null) setSigning(true);
    },
    n: () => void openNext(),
    Escape: () => void navigate('/'),
  });

  return (
    <>
      <CaseBar consult={consult} flush={report.flush} onNext={somethingToDo ? null : openNext} />
      {leaseLost && (
        <Alert color="yellow" variant="outline" role="status">
          {t('reading.leaseLost')}
        </Alert>
      )}
      <Split
        storageKey="farsight.reading.report"
        label={t('reading.divider')}
        initial={400}
        min={280}
        minLeft={360}
        left={<CaseImages consult={consult} onDisplayed={report.saw} />}
        right={<ReportPane consult={consult} report={report} editable={editable} signs={signs} onSign={() => setSigning(true)} />}
      />
      {signing && signs !== null && (
        <Suspense fallback={<PageSkeleton rows={2} />}>
          <SignDialog consult={consult} as={signs} flush={report.flush} onClose={() => setSigning(false)} />
        </Suspense>
      )}
    </>
  );
}
