/** The state of the chain above the auditor's list, and a walk along all of it. */
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from '../ui/ErrorNotice';
import pane from '../ui/Pane.module.css';
import { security } from './api';
import { AuditStateLines } from './AuditStateLines';
import classes from './AuditState.module.css';

const key = ['audit-state'];

export function AuditStateBar() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const state = useQuery({
    queryKey: key,
    queryFn: security.auditState,
    refetchInterval: ({ state: { data } }) => (data?.is_verifying === true ? 1000 : 30_000),
  });
  const verify = useMutation({ mutationFn: security.verifyAudit, onSuccess: (next) => cache.setQueryData(key, next) });
  const error = verify.error ?? state.error;
  return (
    <section className={pane.bar} aria-label={t('chain.title')}>
      {error !== null && <ErrorNotice error={error} onRetry={() => void state.refetch()} />}
      {state.data !== undefined && (
        <div className={classes.bar}>
          <AuditStateLines state={state.data} />
          <Button variant="default" loading={verify.isPending || state.data.is_verifying} onClick={() => verify.mutate()}>
            {t('chain.verify')}
          </Button>
        </div>
      )}
    </section>
  );
}
