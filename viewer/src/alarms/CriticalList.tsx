/** The critical findings of a case: who told whom, and what was read back. Nothing while there are none. */
import { Button, Group } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { hasRole, useMe } from '../session/useMe';
import { AcknowledgeDialog } from './AcknowledgeDialog';
import classes from './Alarms.module.css';
import { stands, type Finding } from './api';
import { FindingFacts } from './FindingFacts';
import { useCriticalOf } from './useCritical';
import { WithdrawDialog } from './WithdrawDialog';

export function CriticalList({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const me = useMe();
  const critical = useCriticalOf(consult.id);
  const [answering, setAnswering] = useState<Finding | null>(null);
  const [withdrawing, setWithdrawing] = useState<Finding | null>(null);
  const of = critical.data;
  if (of === undefined || of.findings.length === 0) return null;
  const asked = me.organisation.id === consult.requesting.id && hasRole(me, 'requester');
  const reads = me.organisation.id === consult.reading.id && hasRole(me, 'reader', 'reviewer', 'coordinator');
  return (
    <section className={classes.list} aria-label={t('critical.name')}>
      <h3 className={classes.title}>{t('critical.name')}</h3>
      {of.findings.map((finding) => (
        <div key={finding.n} className={classes.finding}>
          <FindingFacts finding={finding} requesting={of.requesting.name} />
          {(stands(finding) || finding.may_withdraw) && (
            <Group justify="space-between">
              <span className={classes.stands}>{stands(finding) && t('critical.stands', { n: finding.alarms })}</span>
              <Group gap="xs">
                {finding.may_withdraw && (
                  <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setWithdrawing(finding)}>
                    {t('critical.withdraw')}
                  </Button>
                )}
                {stands(finding) && (asked || reads) && (
                  <Button size="compact-sm" variant={asked ? 'filled' : 'default'} color={asked ? 'red' : undefined} onClick={() => setAnswering(finding)}>
                    {t(asked ? 'critical.acknowledge' : 'critical.told')}
                  </Button>
                )}
              </Group>
            </Group>
          )}
        </div>
      ))}
      {answering !== null && <AcknowledgeDialog alarm={{ of, finding: answering }} how={asked ? 'system' : 'told'} onClose={() => setAnswering(null)} />}
      {withdrawing !== null && <WithdrawDialog alarm={{ of, finding: withdrawing }} onClose={() => setWithdrawing(null)} />}
    </section>
  );
}
