/** The patient bar of a case: who, how long still, and every step that may be taken now. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Consult } from '../api/types';
import { ReasonDialog } from '../consult/ReasonDialog';
import { useStep } from '../consult/useConsult';
import { OhifButton } from '../studies/OhifButton';
import { Clock } from '../ui/Clock';
import { isAnswered, isRunning } from '../ui/consultState';
import { dicomDate } from '../ui/dicomText';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageBar } from '../ui/PageBar';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { UrgencyChip } from '../ui/UrgencyChip';
import { useExamText } from '../ui/useExamText';

interface Props {
  consult: Consult;
  /** `null` while there is still something to do here. */
  onNext: (() => Promise<void>) | null;
}

type Asking = 'reject' | 'return' | null;

export function CaseBar({ consult, onNext }: Props) {
  const { t } = useTranslation();
  const examText = useExamText();
  const step = useStep(consult);
  const [asking, setAsking] = useState<Asking>(null);
  const plain = (['accept', 'claim', 'release'] as const).filter((action) => consult.allowed.includes(action));
  const reasoned = (['reject', 'return'] as const).filter((action) => consult.allowed.includes(action));

  return (
    <>
      <PageBar
        actions={
          <>
            <OhifButton study={consult.study} mode={consult.slide_id === null ? 'viewer' : 'microscopy'} />
            {plain.map((action) => (
              <Button
                key={action}
                variant={action === 'claim' ? 'filled' : 'default'}
                loading={step.isPending}
                onClick={() => step.mutate({ action })}
              >
                {t(`consult.action.${action}`)}
              </Button>
            ))}
            {reasoned.map((action) => (
              <Button key={action} variant="default" onClick={() => setAsking(action)}>
                {t(`consult.action.${action}`)}
              </Button>
            ))}
            {isAnswered(consult.state) && (
              <Button component={Link} to={`/cases/${consult.id}/report`} variant="default">
                {t('report.open')}
              </Button>
            )}
            {onNext !== null && <Button onClick={() => void onNext()}>{t('reading.next')}</Button>}
          </>
        }
      >
        <Patient patient={consult} />
        <span>
          {examText(consult.study)} {dicomDate(consult.study.study_date)}
        </span>
        <span>{consult.requesting.name}</span>
        {isRunning(consult.state) && <Clock consult={consult} />}
        <UrgencyChip urgency={consult.urgency} />
        <StateChip state={consult.state} />
      </PageBar>
      {step.isError && <ErrorNotice error={step.error} />}
      <ReasonDialog
        opened={asking !== null}
        title={t(asking === 'return' ? 'consult.returnTitle' : 'consult.rejectTitle')}
        confirm={t(asking === 'return' ? 'consult.action.return' : 'consult.action.reject')}
        required
        onClose={() => setAsking(null)}
        onConfirm={(reason) => {
          if (asking !== null) step.mutate({ action: asking, reason });
        }}
      />
    </>
  );
}
