/** What was decided about pairs, newest first; and taking it back. */
import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import { usePatientText } from '../ui/usePatientText';
import { patients, type Decision } from './api';
import { PairTable } from './PairTable';
import classes from './Patients.module.css';
import { useDecisions, useRefresh } from './usePatients';

const tones = { linked: 'active', apart: 'quiet', undone: 'quiet' } as const;

export function DecisionsPane() {
  const { t } = useTranslation();
  const format = useFormat();
  const patientText = usePatientText();
  const refresh = useRefresh();
  const list = useDecisions();
  const [undoing, setUndoing] = useState<Decision | null>(null);
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  if (list.data.decisions.length === 0) return <EmptyState title={t('patients.noDecisions')} />;
  return (
    <>
      <ul className={classes.list} aria-label={t('patients.tab.decisions')}>
        {list.data.decisions.map((one) => (
          <li key={one.act}>
            <div className={classes.grow}>
              <div>
                <Chip tone={tones[one.kind]}>{t(`patients.kind.${one.kind}`)}</Chip> <strong>{patientText(one.pair.one).name}</strong>{' '}
                {one.pair.one.organisation.name} {one.pair.one.patient_id} · <strong>{patientText(one.pair.other).name}</strong> {one.pair.other.organisation.name}{' '}
                {one.pair.other.patient_id}
              </div>
              {one.reason !== '' && <Text size="sm">{one.reason}</Text>}
              <div className={classes.quiet}>{[one.by_name ?? '', one.organisation?.name ?? '', format.moment(one.at)].filter((part) => part !== '').join(' · ')}</div>
            </div>
            {one.can_undo && (
              <Button size="compact-sm" variant="default" onClick={() => setUndoing(one)}>
                {t('patients.undo')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {undoing !== null && (
        <ConfirmDialog
          title={t('patients.undo')}
          consequences={[t('patients.undoEffect')]}
          confirm={t('patients.undo')}
          size="lg"
          onConfirm={async () => {
            await patients.undo(undoing.act);
            await refresh();
          }}
          onClose={() => setUndoing(null)}
        >
          <PairTable pair={undoing.pair} />
        </ConfirmDialog>
      )}
    </>
  );
}
