/** What was said about a case, and a place to say more. What somebody has begun to write stays until it is sent. */
import { Button, Group, Text, TextInput, Textarea } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { attemptAt, type Attempt } from '../api/once';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import { readStored, useStored, writeStored } from '../ui/useStored';
import type { Message } from './api';
import { currentView, labelMax, labelled, type CurrentView } from './currentView';
import { pieces } from './links';
import classes from './Messages.module.css';
import { useConversation, useWrite } from './useMessages';

export function ConversationPane({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const conversation = useConversation(consult.id);
  const end = useRef<HTMLDivElement>(null);
  const pages = conversation.data?.pages ?? [];
  const messages = pages.toReversed().flatMap((page) => page.messages);
  const count = pages[0]?.count ?? 0;
  const last = messages.at(-1)?.n;

  useEffect(() => {
    end.current?.scrollIntoView({ block: 'end' });
  }, [last]);

  return (
    <>
      <div className={classes.messages} role="log" aria-label={t('message.log')}>
        {conversation.isPending && <PageSkeleton rows={3} />}
        {conversation.isError && <ErrorNotice error={conversation.error} onRetry={() => void conversation.refetch()} />}
        {conversation.isSuccess && count === 0 && (
          <Text c="dimmed" size="sm">
            {t('message.none')}
          </Text>
        )}
        {conversation.hasNextPage && (
          <Button variant="subtle" size="compact-sm" loading={conversation.isFetchingNextPage} onClick={() => void conversation.fetchNextPage()}>
            {t('message.earlier')}
          </Button>
        )}
        {messages.map((message) => (
          <MessageView key={message.n} message={message} />
        ))}
        <div ref={end} />
      </div>
      <Composer consult={consult} />
    </>
  );
}

function MessageView({ message }: { message: Message }) {
  const { t } = useTranslation();
  const me = useMe();
  const format = useFormat();
  return (
    <article className={classes.message} data-own={message.by === me.person.id || undefined}>
      <header className={classes.head}>
        <strong>{message.by_name}</strong> {message.organisation.name} · {format.moment(message.at)}
      </header>
      <div className={classes.text}>
        {pieces(message.text, window.location.origin).map((piece, index) =>
          piece.kind === 'text' ? (
            piece.text
          ) : (
            <Link key={index} to={piece.to}>
              {piece.text}
            </Link>
          ),
        )}
      </div>
      {message.marks.map((mark, index) => (
        <div key={index} className={classes.mark}>
          {t('message.markAt', { x: Math.round(mark.x_px), y: Math.round(mark.y_px) })} {mark.label}
        </div>
      ))}
      {message.view !== null && (
        <Link className={classes.view} to={message.view}>
          {t('message.openView')}
        </Link>
      )}
    </article>
  );
}

function Composer({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const me = useMe();
  const key = `farsight.message.${consult.id}.${me.person.id}`;
  const attemptKey = `${key}.sent`;
  const [text, keepText] = useStored<string>(key, '');
  const setText = (next: string) => {
    // Whoever writes goes on to another message.
    writeStored(attemptKey, null);
    keepText(next);
  };
  const write = useWrite(consult.id, (sent) => {
    if (readStored<Attempt | null>(attemptKey, null)?.once === sent.once) writeStored(attemptKey, null);
    // What was typed meanwhile is another message.
    if (readStored(key, '') === sent.text) setText('');
  });
  const [shown, setShown] = useState<CurrentView | null>(null);
  const [label, setLabel] = useState('');
  const [offered] = useState(() => currentView() !== null);
  const ready = (text.trim() !== '' || shown !== null) && !write.isPending;
  const send = () => {
    if (!ready) return;
    const message = { text, ...labelled(shown, label.trim()) };
    const attempt = attemptAt(message, readStored<Attempt | null>(attemptKey, null));
    writeStored(attemptKey, attempt);
    write.mutate(
      { ...message, once: attempt.once },
      {
        onSuccess: () => {
          setShown(null);
          setLabel('');
        },
      },
    );
  };
  return (
    <div className={classes.composer}>
      {write.isError && <ErrorNotice error={write.error} />}
      <Textarea
        aria-label={t('message.text')}
        placeholder={t('message.placeholder')}
        autosize
        minRows={2}
        maxRows={8}
        value={text}
        data-autofocus
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
        }}
      />
      {shown !== null && shown.mark !== null && (
        <TextInput size="xs" mt="xs" aria-label={t('viewing.markLabel')} placeholder={t('viewing.markLabel')} maxLength={labelMax} value={label} onChange={(event) => setLabel(event.currentTarget.value)} />
      )}
      <Group justify="space-between" mt="xs">
        {offered ? (
          <Button variant={shown === null ? 'default' : 'light'} aria-pressed={shown !== null} onClick={() => setShown(shown === null ? currentView() : null)}>
            {t(shown === null ? 'message.attachView' : 'message.attached')}
          </Button>
        ) : (
          <span />
        )}
        <Button onClick={send} disabled={!ready} loading={write.isPending}>
          {t('message.send')}
        </Button>
      </Group>
    </div>
  );
}
