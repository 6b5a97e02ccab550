/**
 * A text of a report: `/abbreviation` and Tab writes a phrase, Tab visits its open places, Ctrl+K lists phrases, and where the
 * person has asked for it the browser writes what is spoken.
 */
import { ActionIcon, Group, Textarea, Tooltip } from '@mantine/core';
import { useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Phrase } from './api';
import { expanded, filledIn, inserted, type Edited, type Known } from './expand';
import { PhrasePicker } from './PhrasePicker';
import { useDictation } from './useDictation';
import classes from './Templates.module.css';

interface Props {
  label: string;
  required: boolean;
  minRows: number;
  value: string;
  phrases: readonly Phrase[];
  known: Known;
  dictates: boolean;
  onWrite: (text: string) => void;
}

export function PhraseArea({ label, required, minRows, value, phrases, known, dictates, onWrite }: Props) {
  const { t } = useTranslation();
  const area = useRef<HTMLTextAreaElement>(null);
  const select = useRef<Pick<Edited, 'from' | 'to'> | null>(null);
  /** What is to be replaced by the phrase that is being chosen. */
  const [picking, setPicking] = useState<Pick<Edited, 'from' | 'to'> | null>(null);

  // The selection is put once the text is there.
  useLayoutEffect(() => {
    if (select.current === null) return;
    area.current?.focus();
    area.current?.setSelectionRange(select.current.from, select.current.to);
    select.current = null;
  });

  const apply = (edited: Edited) => {
    if (edited.text === value) area.current?.setSelectionRange(edited.from, edited.to);
    else {
      select.current = edited;
      onWrite(edited.text);
    }
  };
  const place = () => ({ from: area.current?.selectionStart ?? value.length, to: area.current?.selectionEnd ?? value.length });
  const dictation = useDictation(dictates, (spoken) => {
    const { from, to } = place();
    apply(inserted(value, from, to, spoken));
  });

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (event.key === 'Tab' && plain) {
      const { from, to } = place();
      const edited = expanded(value, from, to, phrases, known);
      if (edited === null) return;
      event.preventDefault();
      apply(edited);
    } else if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      setPicking(place());
    }
  };

  return (
    <>
      <Textarea
        ref={area}
        label={label}
        withAsterisk={required}
        aria-required={required}
        autosize
        minRows={minRows}
        value={value}
        onKeyDown={onKeyDown}
        onChange={(event) => onWrite(event.currentTarget.value)}
        inputContainer={(input) => (
          <>
            {input}
            <Group gap={4} justify="flex-end" mt={2}>
              {dictation !== null && (
                <Tooltip label={t(dictation.listening ? 'phrases.stopDictation' : 'phrases.dictate')}>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size="sm"
                    className={dictation.listening ? (classes.listening ?? '') : ''}
                    aria-pressed={dictation.listening}
                    aria-label={t(dictation.listening ? 'phrases.stopDictation' : 'phrases.dictate')}
                    onClick={dictation.toggle}
                  >
                    <MicrophoneIcon />
                  </ActionIcon>
                </Tooltip>
              )}
              <Tooltip label={t('phrases.listHint')}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  tabIndex={-1}
                  aria-label={t('phrases.title')}
                  onClick={() => setPicking(place())}
                >
                  <span aria-hidden>/</span>
                </ActionIcon>
              </Tooltip>
            </Group>
          </>
        )}
      />
      {picking !== null && (
        <PhrasePicker
          phrases={phrases}
          onClose={() => {
            setPicking(null);
            select.current = picking;
          }}
          onPick={(phrase) => {
            setPicking(null);
            apply(inserted(value, picking.from, picking.to, filledIn(phrase.text, known)));
          }}
        />
      )}
    </>
  );
}

function MicrophoneIcon() {
  return (
    <svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
      <rect x="5.5" y="1.5" width="5" height="8" rx="2.5" />
      <path d="M3 7.5a5 5 0 0 0 10 0M8 12.5v2" />
    </svg>
  );
}
