/** Asks colleagues for an opinion each: who, what, and whether each writes without having seen the others. */
import { Checkbox, Stack, Switch, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { opinions } from './api';
import classes from './Opinions.module.css';
import { useRememberOpinions } from './useOpinions';

export function AskOpinionDialog({ consult, onClose }: { consult: Consult; onClose: () => void }) {
  const { t } = useTranslation();
  const remember = useRememberOpinions(consult);
  const [people, setPeople] = useState<string[]>([]);
  const [question, setQuestion] = useState('');
  const [blind, setBlind] = useState(true);
  const found = useQuery({ queryKey: keys.experts(consult.id), queryFn: () => opinions.experts(consult.id), staleTime: 0 });
  const confirm = async () => remember(await opinions.ask(consult.id, people, question.trim(), blind ? 'blind' : 'open'));
  return (
    <ConfirmDialog
      title={t('opinion.askTitle')}
      consequences={[t('opinion.askText')]}
      confirm={t('opinion.send')}
      ready={people.length > 0 && question.trim() !== ''}
      onConfirm={confirm}
      onClose={onClose}
    >
      {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
      <Checkbox.Group label={t('opinion.experts')} value={people} onChange={setPeople}>
        <Stack gap="xs" mt="xs" className={classes.experts}>
          {found.data?.experts.map((one) => (
            <Checkbox key={one.id} value={one.id} label={`${one.name} ${one.title}`} />
          ))}
          {found.data?.experts.length === 0 && <Text c="dimmed">{t('opinion.nobody')}</Text>}
        </Stack>
      </Checkbox.Group>
      <Textarea label={t('opinion.question')} required autosize minRows={2} value={question} onChange={(event) => setQuestion(event.currentTarget.value)} />
      <Switch label={t('opinion.blindSwitch')} checked={blind} onChange={(event) => setBlind(event.currentTarget.checked)} />
    </ConfirmDialog>
  );
}
