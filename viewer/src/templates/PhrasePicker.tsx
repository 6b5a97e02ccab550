/** The list of phrases: typed into to find, arrows to choose, Enter to write. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Phrase } from './api';
import { found } from './expand';
import { PhrasesDialog } from './PhrasesDialog';
import classes from './Templates.module.css';

interface Props {
  phrases: readonly Phrase[];
  onPick: (phrase: Phrase) => void;
  onClose: () => void;
}

export function PhrasePicker({ phrases, onPick, onClose }: Props) {
  const { t } = useTranslation();
  const [looked, setLooked] = useState('');
  const [at, setAt] = useState(0);
  const [editing, setEditing] = useState(false);
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const shown = found(phrases, looked);
  const chosen = Math.min(at, shown.length - 1);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  if (editing) return <PhrasesDialog whose="own" onClose={() => setEditing(false)} />;

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const phrase = shown[chosen];
    if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, shown.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
    else if (event.key === 'Enter' && phrase !== undefined) onPick(phrase);
    else return;
    event.preventDefault();
  };
  return (
    <Modal opened onClose={onClose} title={t('phrases.title')} size="lg" returnFocus={false} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack gap="sm">
        <TextInput
          data-autofocus
          role="combobox"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-label={t('phrases.find')}
          placeholder={t('phrases.find')}
          value={looked}
          onKeyDown={onKeyDown}
          onChange={(event) => {
            setLooked(event.currentTarget.value);
            setAt(0);
          }}
        />
        {shown.length === 0 && <Text c="dimmed">{t(phrases.length === 0 ? 'phrases.none' : 'phrases.notFound')}</Text>}
        <ul ref={list} id={id} role="listbox" aria-label={t('phrases.title')} className={classes.phraseList}>
          {shown.map((phrase, index) => (
            <li
              key={phrase.abbreviation}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              className={classes.phrase}
              onClick={() => onPick(phrase)}
            >
              <span>
                <strong>/{phrase.abbreviation}</strong>
              </span>
              <span>
                {phrase.title}
                <div className={classes.phraseText}>{phrase.text}</div>
              </span>
            </li>
          ))}
        </ul>
        <Group justify="space-between">
          <Text size="xs" c="dimmed">
            {t('phrases.how')}
          </Text>
          <Button size="xs" variant="default" onClick={() => setEditing(true)}>
            {t('phrases.editOwn')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
