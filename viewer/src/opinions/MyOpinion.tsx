/** The opinion that this person is asked for: saved while it is written, and given when it is finished. */
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { Field } from '../ui/Field';
import { opinions, type Opinion } from './api';
import { OpinionSaver, type Saving } from './OpinionSaver';
import { ReasonDialog } from './ReasonDialog';
import { keepOpinion, keptOpinion, opinionBeginning, unsentOpinionKey } from './unsentOpinion';
import { useRememberDraft, useRememberOpinions } from './useOpinions';

export function MyOpinion({ consult, opinion }: { consult: Consult; opinion: Opinion }) {
  const { t } = useTranslation();
  const remember = useRememberOpinions(consult);
  const rememberDraft = useRememberDraft(consult.id, opinion.n);
  const { id } = consult;
  const { n } = opinion;
  const storageKey = unsentOpinionKey(id, n, useMe().person.id);
  const [start] = useState(() => opinionBeginning(opinion.draft ?? '', keptOpinion(storageKey)));
  const [text, setText] = useState(start.text);
  const [other, setOther] = useState(start.other);
  const [saving, setSaving] = useState<Saving>('saved');
  const [dialog, setDialog] = useState<'give' | 'decline' | null>(null);
  const saver = useRef<OpinionSaver | null>(null);
  /** What the server holds. */
  const held = useRef(opinion.draft ?? '');

  useEffect(() => {
    const made = new OpinionSaver(async (words) => {
      await opinions.save(id, n, words);
      held.current = words;
      const kept = keptOpinion(storageKey);
      keepOpinion(storageKey, kept === null || kept.text === words ? null : { ...kept, over: words });
      rememberDraft(words);
    }, setSaving);
    saver.current = made;
    if (start.toSend) made.write(start.text);
    return () => {
      saver.current = null;
      void made.flush();
    };
  }, [id, n, storageKey, start, rememberDraft]);

  const write = (words: string) => {
    setText(words);
    keepOpinion(storageKey, { text: words, over: held.current });
    saver.current?.write(words);
  };
  /** Given or declined: nothing of it waits any more. */
  const end = () => {
    saver.current?.stop();
    keepOpinion(storageKey, null);
  };

  const give = useMutation({
    mutationFn: async () => {
      await saver.current?.flush();
      const list = await opinions.give(id, n, text.trim());
      end();
      return list;
    },
    onSuccess: remember,
  });

  return (
    <Stack gap="xs">
      {other !== null && (
        <Alert color="yellow" variant="outline" title={t('reading.overtaken.title')} data-testid="opinion-overtaken">
          <Stack gap="sm">
            <Text size="sm">{t('opinion.overtakenHint')}</Text>
            <Field label={t('reading.overtaken.mine', { part: t('opinion.mine') })}>{other}</Field>
            <Group justify="flex-end">
              <Button
                size="xs"
                variant="default"
                onClick={() => {
                  keepOpinion(storageKey, null);
                  setOther(null);
                }}
              >
                {t('reading.overtaken.keepServer')}
              </Button>
              <Button
                size="xs"
                onClick={() => {
                  write(other);
                  setOther(null);
                }}
              >
                {t('reading.overtaken.keepMine')}
              </Button>
            </Group>
          </Stack>
        </Alert>
      )}
      <Textarea
        label={t('opinion.mine')}
        autosize
        minRows={4}
        value={text}
        readOnly={other !== null}
        onChange={(event) => write(event.currentTarget.value)}
      />
      <Group justify="space-between">
        <Text size="xs" c="dimmed" data-testid="opinion-state" data-state={saving}>
          {text === '' ? '' : t(`opinion.saving.${saving}`)}
        </Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => setDialog('decline')}>
            {t('consult.action.decline_opinion')}
          </Button>
          <Button size="xs" disabled={text.trim() === '' || other !== null} onClick={() => setDialog('give')}>
            {t('consult.action.give_opinion')}
          </Button>
        </Group>
      </Group>
      {give.isError && dialog === null && <ErrorNotice error={give.error} />}
      {dialog === 'give' && (
        <ConfirmDialog
          title={t('opinion.giveTitle')}
          consequences={[t('opinion.giveText')]}
          confirm={t('consult.action.give_opinion')}
          onConfirm={() => give.mutateAsync()}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'decline' && (
        <ReasonDialog
          title={t('opinion.declineTitle')}
          confirm={t('consult.action.decline_opinion')}
          onConfirm={async (reason) => {
            const list = await opinions.decline(id, n, reason);
            end();
            remember(list);
          }}
          onClose={() => setDialog(null)}
        />
      )}
    </Stack>
  );
}
