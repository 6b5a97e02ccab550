/** The word at an arrow. */
import { Button, Group, Modal, TextInput } from '@mantine/core';
import { useCallback, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface Asked {
  before: string;
  answer: (text: string | null) => void;
}

export interface AskTextState {
  asked: Asked | null;
  ask: (before: string) => Promise<string | null>;
  answer: (text: string | null) => void;
}

const charactersMax = 200;

export function useAskText(): AskTextState {
  const [asked, setAsked] = useState<Asked | null>(null);
  const open = useRef<Asked | null>(null);
  const ask = useCallback(
    (before: string) =>
      new Promise<string | null>((answer) => {
        open.current?.answer(null);
        open.current = { before, answer };
        setAsked(open.current);
      }),
    [],
  );
  const answer = (text: string | null) => {
    open.current?.answer(text);
    open.current = null;
    setAsked(null);
  };
  return { asked, ask, answer };
}

export function AskTextDialog({ state }: { state: AskTextState }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={state.asked !== null}
      onClose={() => state.answer(null)}
      title={t('images.arrow.title')}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {state.asked !== null && <Form before={state.asked.before} answer={state.answer} />}
    </Modal>
  );
}

function Form({ before, answer }: { before: string; answer: (text: string | null) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(before);
  const words = text.trim();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (words !== '') answer(words);
      }}
    >
      <TextInput label={t('images.arrow.text')} value={text} maxLength={charactersMax} data-autofocus onChange={(event) => setText(event.currentTarget.value)} />
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={() => answer(null)}>
          {t('images.arrow.cancel')}
        </Button>
        <Button type="submit" disabled={words === ''}>
          {t('images.arrow.add')}
        </Button>
      </Group>
    </form>
  );
}
