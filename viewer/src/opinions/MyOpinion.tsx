/** The opinion that this person is asked for: saved while it is written, and given when it is finished. */
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { opinions, type Opinion } from './api';
import { OpinionSaver, type Saving } from './OpinionSaver';
import { ReasonDialog } from './ReasonDialog';
import { useRememberOpinions } from './useOpinions';

export function MyOpinion({ consult, opinion }: { consult: Consult; opinion: Opinion }) {
  const { t } = useTranslation();
  const remember = useRememberOpinions(consult);
  const [text, setText] = useState(opinion.draft ?? '');
  const [saving, setSaving] = useState<Saving>('saved');
  const [dialog, setDialog] = useState<'give' | 'decline' | null>(null);
  const saver = useRef<OpinionSaver | null>(null);
  const { id } = consult;
  const { n } = opinion;

  useEffect(() => {
    const made = new OpinionSaver((words) => opinions.save(id, n, words), setSaving);
    saver.current = made;
    return () => {
      saver.current = null;
      void made.flush();
    };
  }, [id, n]);

  const give = useMutation({
    mutationFn: async () => {
      await saver.current?.flush();
      const list = await opinions.give(id, n, text.trim());
      saver.current?.stop();
      return list;
    },
    onSuccess: remember,
  });

  return (
    <Stack gap="xs">
      <Textarea
        label={t('opinion.mine')}
        autosize
        minRows={4}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          saver.current?.write(event.currentTarget.value);
        }}
      />
      <Group justify="space-between">
        <Text size="xs" c="dimmed" data-testid="opinion-state" data-state={saving}>
          {text === '' ? '' : t(`opinion.saving.${saving}`)}
        </Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => setDialog('decline')}>
            {t('consult.action.decline_opinion')}
          </Button>
          <Button size="xs" disabled={text.trim() === ''} onClick={() => setDialog('give')}>
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
            saver.current?.stop();
            remember(list);
          }}
          onClose={() => setDialog(null)}
        />
      )}
    </Stack>
  );
}
