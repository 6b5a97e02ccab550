/** Pairs that may be one person, the longest waiting first: look, decide, next. */
import { Button, Group, Kbd, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useKeys } from '../ui/useKeys';
import { usePatientText } from '../ui/usePatientText';
import { patients, type Pair, type Verdict } from './api';
import { PairTable } from './PairTable';
import classes from './Patients.module.css';
import { usePairs, useRefresh } from './usePatients';

const keyOf = (pair: Pair) => `${pair.one.id}-${pair.other.id}`;

export function QueuePane() {
  const { t } = useTranslation();
  const patientText = usePatientText();
  const refresh = useRefresh();
  const list = usePairs();
  const [chosen, setChosen] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const pairs = list.data?.pairs ?? [];
  const at = Math.max(0, pairs.findIndex((pair) => keyOf(pair) === chosen));
  const pair = pairs[at];
  const go = (to: number) => {
    const next = pairs[Math.min(Math.max(to, 0), pairs.length - 1)];
    if (next !== undefined) setChosen(keyOf(next));
  };
  const decide = useMutation({
    mutationFn: ({ pair, verdict }: { pair: Pair; verdict: Verdict }) => patients.decide(pair, verdict, reason),
    onSuccess: async () => {
      const next = pairs[at + 1] ?? pairs[at - 1];
      setChosen(next === undefined ? null : keyOf(next));
      setReason('');
      await refresh();
    },
    onError: () => void list.refetch(),
  });
  const undo = useMutation({
    mutationFn: (done: Pair) => patients.undo(done.last_act),
    onSuccess: async () => {
      decide.reset();
      await refresh();
    },
  });
  const busy = decide.isPending || undo.isPending;
  const settle = (verdict: Verdict) => pair !== undefined && !busy && decide.mutate({ pair, verdict });
  const takeBack = () => decide.data !== undefined && !busy && undo.mutate(decide.data);
  useKeys({
    j: () => go(at + 1),
    ArrowDown: () => go(at + 1),
    k: () => go(at - 1),
    ArrowUp: () => go(at - 1),
    y: () => settle('same'),
    n: () => settle('different'),
    u: takeBack,
  });
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const done = decide.data;
  return (
    <>
      <div role="status" className={classes.status}>
        {done !== undefined && (
          <Group gap="sm">
            <Text size="sm">
              {t(done.state === 'linked' ? 'patients.linked' : 'patients.apart', { name: patientText(done.one).name, other: patientText(done.other).name })}
            </Text>
            <Button size="compact-sm" variant="default" loading={undo.isPending} onClick={takeBack} rightSection={<Kbd size="xs">u</Kbd>}>
              {t('patients.undo')}
            </Button>
          </Group>
        )}
        {(decide.isError || undo.isError) && <ErrorNotice error={decide.error ?? undo.error} />}
      </div>
      {pair === undefined ? (
        <EmptyState title={t('patients.empty')} hint={t('patients.emptyHint')} />
      ) : (
        <div className={classes.queue}>
          <ol className={classes.pairs} aria-label={t('patients.tab.queue')}>
            {pairs.map((one, index) => (
              <li key={keyOf(one)}>
                <button type="button" className={classes.choice} aria-current={index === at} onClick={() => go(index)}>
                  <strong>{[...new Set([patientText(one.one).name, patientText(one.other).name])].join(' · ')}</strong>
                  <span>
                    {one.one.organisation.name} · {one.other.organisation.name}
                  </span>
                </button>
              </li>
            ))}
            {list.data.more && <li className={classes.more}>{t('patients.more')}</li>}
          </ol>
          <section className={classes.look} aria-label={t('patients.question')}>
            <h2>{t('patients.question')}</h2>
            <PairTable pair={pair} />
            <TextInput label={t('patients.reason')} value={reason} maxLength={500} onChange={(event) => setReason(event.currentTarget.value)} />
            <Group>
              <Button loading={busy} onClick={() => settle('same')} rightSection={<Kbd size="xs">y</Kbd>}>
                {t('patients.same')}
              </Button>
              <Button variant="default" loading={busy} onClick={() => settle('different')} rightSection={<Kbd size="xs">n</Kbd>}>
                {t('patients.different')}
              </Button>
            </Group>
            <Text size="xs" c="dimmed">
              {t('patients.hint')}
            </Text>
          </section>
        </div>
      )}
    </>
  );
}
