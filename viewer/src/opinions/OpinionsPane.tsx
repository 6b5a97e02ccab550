/** What experts who were asked say of a case; the own opinion, where one is asked for. */
import { Button, Group, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { Chip } from '../ui/Chip';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import { AskOpinionDialog } from './AskOpinionDialog';
import { opinions, type Opinion } from './api';
import { MyOpinion } from './MyOpinion';
import classes from './Opinions.module.css';
import { ReasonDialog } from './ReasonDialog';
import { useOpinions, useRememberOpinions } from './useOpinions';

export function OpinionsPane({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const list = useOpinions(consult);
  const [asking, setAsking] = useState(false);
  const mayAsk = consult.allowed.includes('ask_opinion');
  const all = list.data?.opinions ?? [];
  if (list.isError) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  if (all.length === 0 && !mayAsk) return null;
  const open = all.filter(({ ending }) => ending === null).length;
  return (
    <section className={classes.opinions} aria-label={t('opinion.title')}>
      <Group justify="space-between">
        <Title order={2} size="h5">
          {t('opinion.title')}
        </Title>
        {mayAsk && (
          <Button size="xs" variant="default" onClick={() => setAsking(true)}>
            {t('consult.action.ask_opinion')}
          </Button>
        )}
      </Group>
      {open > 0 && (
        <Text size="sm" role="status">
          {t('opinion.waiting', { n: open })}
        </Text>
      )}
      {all.map((opinion) => (
        <One key={opinion.n} consult={consult} opinion={opinion} />
      ))}
      {asking && <AskOpinionDialog consult={consult} onClose={() => setAsking(false)} />}
    </section>
  );
}

function One({ consult, opinion }: { consult: Consult; opinion: Opinion }) {
  const { t } = useTranslation();
  const me = useMe();
  const format = useFormat();
  const remember = useRememberOpinions(consult);
  const [withdrawing, setWithdrawing] = useState(false);
  const { ending, expert, title, n } = opinion;
  const mine = ending === null && expert.id === me.person.id && opinion.draft !== null;
  return (
    <div className={classes.one} data-testid="opinion" data-n={n}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {expert.name} {title}
        </Text>
        <Chip>{t(`opinion.state.${ending === null ? 'open' : ending.how}`)}</Chip>
      </Group>
      <Text size="xs" c="dimmed">
        {t('opinion.askedBy', { name: opinion.asked_by.name, at: format.moment(opinion.asked_at) })}
        {opinion.sight === 'blind' && ` · ${t('opinion.blind')}`}
      </Text>
      <Text size="sm" className={classes.words}>
        {t('opinion.asks', { question: opinion.question })}
      </Text>
      {ending?.how === 'given' && (
        <>
          <Text size="sm" className={classes.words} c={ending.text === '' ? 'dimmed' : undefined}>
            {ending.text === '' ? t('opinion.hidden') : ending.text}
          </Text>
          <Text size="xs" c="dimmed">
            {format.moment(ending.at)}
          </Text>
        </>
      )}
      {ending !== null && ending.how !== 'given' && (
        <Text size="sm" c="dimmed" className={classes.words}>
          {ending.how === 'withdrawn' && ending.by !== null && `${ending.by.name} `}
          {format.moment(ending.at)} {ending.reason}
        </Text>
      )}
      {mine && <MyOpinion key={n} consult={consult} opinion={opinion} />}
      {ending === null && consult.allowed.includes('withdraw_opinion') && (
        <Group justify="flex-end">
          <Button size="xs" variant="subtle" onClick={() => setWithdrawing(true)}>
            {t('consult.action.withdraw_opinion')}
          </Button>
        </Group>
      )}
      {withdrawing && (
        <ReasonDialog
          title={t('opinion.withdrawTitle', { name: expert.name })}
          confirm={t('consult.action.withdraw_opinion')}
          onConfirm={async (reason) => remember(await opinions.withdraw(consult.id, n, reason))}
          onClose={() => setWithdrawing(false)}
        />
      )}
    </div>
  );
}
