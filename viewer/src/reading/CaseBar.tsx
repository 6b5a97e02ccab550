/** The patient bar of a case: who, how long still, and every step that may be taken now. */
import { Button, Menu } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { PlainAction, ReasonedAction } from '../api/endpoints';
import type { Consult } from '../api/types';
import { RaiseButton } from '../alarms/RaiseButton';
import { StepDialog } from '../consult/StepDialog';
import { useStep, type ActOn } from '../consult/useConsult';
import { MessagesButton } from '../messages/MessagesButton';
import { SecondDialog } from '../second/SecondDialog';
import { useMe } from '../session/useMe';
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
import { useKeys } from '../ui/useKeys';
import { AmendDialog } from './AmendDialog';
import { AssignDialog } from './AssignDialog';
import { GradeDialog } from './GradeDialog';
import { signsAs } from './useReport';

interface Props {
  consult: Consult;
  actOn: ActOn;
  /** `null` while there is still something to do here. */
  onNext: (() => void) | null;
}

/** In plain sight; the others are behind a button. */
const plainSteps: readonly PlainAction[] = ['accept', 'claim'];
const wordedSteps: readonly ReasonedAction[] = ['request_data', 'return', 'take_over', 'answer', 'respond'];
const furtherPlain: readonly PlainAction[] = ['release', 'abandon'];
const furtherWorded: readonly ReasonedAction[] = ['resume', 'decline', 'reject'];

export function CaseBar({ consult, actOn, onNext }: Props) {
  const { t } = useTranslation();
  const me = useMe();
  const examText = useExamText();
  const step = useStep(consult, actOn);
  const [asking, setAsking] = useState<ReasonedAction | null>(null);
  const [dialog, setDialog] = useState<'assign' | 'amend' | 'grade' | 'second' | null>(null);
  const may = (action: Consult['allowed'][number]) => consult.allowed.includes(action);
  const further = [...furtherPlain, ...furtherWorded].some(may) || may('grade') || may('second_opinion');
  const handsOver = consult.reader?.id === me.person.id;
  // Where there is something to sign, the same key does that.
  const main = signsAs(consult) === null ? plainSteps.find(may) : undefined;

  useKeys({
    'Ctrl+Enter': () => {
      if (main === undefined) return false;
      if (!step.isPending) step.mutate({ action: main });
      return true;
    },
  });

  return (
    <>
      <PageBar
        actions={
          <>
            <OhifButton study={consult.study} mode={consult.slide_id === null ? 'viewer' : 'microscopy'} />
            <MessagesButton consult={consult} />
            <RaiseButton consult={consult} />
            {wordedSteps.filter(may).map((action) => (
              <Button key={action} variant="default" onClick={() => setAsking(action)}>
                {t(`consult.action.${action}`)}
              </Button>
            ))}
            {may('assign') && (
              <Button variant="default" onClick={() => setDialog('assign')}>
                {t(handsOver ? 'consult.action.assign' : 'consult.action.assignFirst')}
              </Button>
            )}
            {may('amend') && (
              <Button variant="default" onClick={() => setDialog('amend')}>
                {t('consult.action.amend')}
              </Button>
            )}
            {further && (
              <Menu position="bottom-end" withinPortal>
                <Menu.Target>
                  <Button variant="default" aria-label={t('consult.action.more')} title={t('consult.action.more')}>
                    …
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  {furtherPlain.filter(may).map((action) => (
                    <Menu.Item key={action} onClick={() => step.mutate({ action })}>
                      {t(`consult.action.${action}`)}
                    </Menu.Item>
                  ))}
                  {may('grade') && <Menu.Item onClick={() => setDialog('grade')}>{t('consult.action.grade')}</Menu.Item>}
                  {may('second_opinion') && <Menu.Item onClick={() => setDialog('second')}>{t('consult.action.second_opinion')}</Menu.Item>}
                  {furtherWorded.filter(may).map((action) => (
                    <Menu.Item key={action} onClick={() => setAsking(action)}>
                      {t(`consult.action.${action}`)}
                    </Menu.Item>
                  ))}
                </Menu.Dropdown>
              </Menu>
            )}
            {plainSteps.filter(may).map((action) => (
              <Button key={action} loading={step.isPending} title={action === main ? t('reading.mainKey') : undefined} onClick={() => step.mutate({ action })}>
                {t(`consult.action.${action}`)}
              </Button>
            ))}
            {(isAnswered(consult.state) || consult.amendment !== null) && (
              <Button component={Link} to={`/cases/${consult.id}/report`} variant="default">
                {t('report.open')}
              </Button>
            )}
            {onNext !== null && <Button onClick={() => onNext()}>{t('reading.next')}</Button>}
          </>
        }
      >
        <Patient patient={consult} />
        <span>
          {examText(consult.study)} {dicomDate(consult.study.study_date)}
        </span>
        <span>{consult.requesting.name}</span>
        {isRunning(consult.state) && consult.amendment === null && <Clock consult={consult} />}
        <UrgencyChip urgency={consult.urgency} />
        <StateChip state={consult.state} />
      </PageBar>
      {step.isError && asking === null && <ErrorNotice error={step.error} />}
      <StepDialog action={asking} onClose={() => setAsking(null)} onConfirm={(action, reason) => step.mutateAsync({ action, reason })} />
      {dialog === 'assign' && <AssignDialog consult={consult} handsOver={handsOver} actOn={actOn} onClose={() => setDialog(null)} />}
      {dialog === 'second' && <SecondDialog consult={consult} onClose={() => setDialog(null)} />}
      {dialog === 'grade' && <GradeDialog consult={consult} onClose={() => setDialog(null)} />}
      {dialog === 'amend' && <AmendDialog consult={consult} onClose={() => setDialog(null)} />}
    </>
  );
}
