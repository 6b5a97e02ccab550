/** Phrases to write: one's own, or those of the organisation. */
import { ActionIcon, Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { phrases, templateKeys, type Phrase, type PhraseLists, type Phrases } from './api';
import classes from './Templates.module.css';
import { usePhrases } from './useTemplates';

interface Props {
  whose: keyof PhraseLists;
  onClose: () => void;
}

export function PhrasesDialog({ whose, onClose }: Props) {
  const { t } = useTranslation();
  const lists = usePhrases();
  return (
    <Modal
      opened
      onClose={onClose}
      closeOnClickOutside={false}
      title={t(whose === 'own' ? 'phrases.own' : 'phrases.organisation')}
      size="xl"
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {lists.isPending && <PageSkeleton rows={3} />}
      {lists.isError && <ErrorNotice error={lists.error} onRetry={() => void lists.refetch()} />}
      {lists.data !== undefined && <PhraseForm start={lists.data[whose]} whose={whose} onClose={onClose} />}
    </Modal>
  );
}

function PhraseForm({ start, whose, onClose }: Props & { start: Phrases }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  // Of the list that is being changed: a newer one that is fetched meanwhile is somebody else's, and must be refused.
  const [version] = useState(start.version);
  const [list, setList] = useState<Phrase[]>(start.phrases.length > 0 ? start.phrases : [{ abbreviation: '', title: '', text: '' }]);
  const save = useMutation({
    mutationFn: () => phrases.put(whose, { version, phrases: list.filter(({ abbreviation, text }) => abbreviation.trim() !== '' || text.trim() !== '') }),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: templateKeys.phrases });
      onClose();
    },
  });
  const change = (at: number, part: Partial<Phrase>) => setList(list.map((one, index) => (index === at ? { ...one, ...part } : one)));
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        {t('phrases.placesHint')}
      </Text>
      {list.map((phrase, index) => (
        <div key={index} className={classes.row}>
          <TextInput
            label={t('phrases.abbreviation')}
            leftSection={<span aria-hidden>/</span>}
            value={phrase.abbreviation}
            onChange={(event) => change(index, { abbreviation: event.currentTarget.value })}
          />
          <TextInput label={t('phrases.name')} value={phrase.title} onChange={(event) => change(index, { title: event.currentTarget.value })} />
          <Textarea
            label={t('phrases.text')}
            autosize
            minRows={1}
            flex="3 1 260px"
            value={phrase.text}
            onChange={(event) => change(index, { text: event.currentTarget.value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={t('phrases.remove', { name: phrase.abbreviation })}
            onClick={() => setList(list.filter((_, at) => at !== index))}
          >
            <span aria-hidden>×</span>
          </ActionIcon>
        </div>
      ))}
      {save.isError && <ErrorNotice error={save.error} />}
      <Group justify="space-between">
        <Button variant="default" onClick={() => setList([...list, { abbreviation: '', title: '', text: '' }])}>
          {t('phrases.add')}
        </Button>
        <Group>
          <Button variant="default" onClick={onClose}>
            {t('common.back')}
          </Button>
          <Button loading={save.isPending} onClick={() => save.mutate()}>
            {t('common.save')}
          </Button>
        </Group>
      </Group>
    </Stack>
  );
}
