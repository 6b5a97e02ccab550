/** A file under way from here: how far, how fast, how long, and whose it is. */
import { Button, Group, Progress, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useProblemText } from '../ui/useProblemText';
import { ConfirmationLine, namesSomebody, ParticularsForm } from './ParticularsForm';
import { RefusalWords } from './RefusalWords';
import { bytesText } from './sizes';
import { transfers, type Transfer } from './TransferQueue';
import classes from './Uploads.module.css';
import { usePaceText } from './usePaceText';

export function TransferCard({ item }: { item: Transfer }) {
  const { t } = useTranslation();
  const share = item.bytes === 0 ? 0 : (item.sent / item.bytes) * 100;
  const { state } = item;
  const { kind } = state;
  const isFailed = kind === 'failed' || kind === 'refused';
  return (
    <li className={classes.card} aria-label={item.name} data-failed={isFailed || undefined}>
      <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
        <div className={classes.file}>
          <Text fw={600}>{item.name}</Text>
          <Text size="sm" c={isFailed ? 'red' : 'dimmed'} role="status">
            <Words item={item} />
          </Text>
          {state.kind === 'refused' && state.refusal !== null && <RefusalWords refusal={state.refusal} />}
        </div>
        <Group gap="xs" wrap="nowrap">
          {(kind === 'sending' || kind === 'broken' || kind === 'queued') && (
            <Button size="compact-sm" variant="default" onClick={() => transfers.pause(item.key)}>
              {t('transfer.pause')}
            </Button>
          )}
          {(kind === 'paused' || kind === 'failed') && (
            <Button size="compact-sm" onClick={() => transfers.resume(item.key)}>
              {t('transfer.resume')}
            </Button>
          )}
          {kind === 'refused' && (
            <Button size="compact-sm" onClick={() => transfers.resume(item.key)}>
              {t('upload.retry')}
            </Button>
          )}
          {kind === 'there' && (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => transfers.forget(item.key)}>
              {t('transfer.remove')}
            </Button>
          )}
          {kind !== 'handedOver' && kind !== 'there' && (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => transfers.cancel(item.key)}>
              {t('transfer.cancel')}
            </Button>
          )}
        </Group>
      </Group>
      <Progress
        value={share}
        size="sm"
        mt={6}
        color={kind === 'broken' ? 'yellow' : undefined}
        aria-label={t('transfer.progress', { name: item.name })}
      />
      {item.isSlide && kind !== 'preparing' && <Whose item={item} />}
    </li>
  );
}

function Words({ item }: { item: Transfer }) {
  const { t } = useTranslation();
  const problemText = useProblemText();
  const paceText = usePaceText();
  const { state, sent, bytes } = item;
  const amount = t('transfer.amount', { sent: bytesText(sent), bytes: bytesText(bytes) });
  switch (state.kind) {
    case 'sending':
      return paceText(item);
    case 'failed': {
      if (state.error === null) return t('transfer.state.unreadable');
      const { title, detail } = problemText(state.error);
      return detail === null ? title : `${title} (${detail})`;
    }
    case 'refused':
      return t('transfer.server.refused');
    case 'there':
      return t(item.uploadId === null ? 'transfer.state.there' : 'transfer.server.ready');
    case 'sent':
      return item.confirmed ? t('transfer.state.hashing') : t('transfer.state.sent');
    case 'broken':
    case 'paused':
    case 'queued':
      return `${t(`transfer.state.${state.kind}`)} · ${amount}`;
    default:
      return t(`transfer.state.${state.kind}`);
  }
}

function Whose({ item }: { item: Transfer }) {
  const { t } = useTranslation();
  const { key, of, confirmed, unknown } = item;
  if (confirmed) {
    return (
      <Group className={classes.whose} justify="space-between" gap="sm">
        {unknown ? (
          <Text size="sm" c="yellow" fw={600}>
            {t('transfer.leftUnknown')}
          </Text>
        ) : (
          <ConfirmationLine of={of} />
        )}
        {item.state.kind !== 'handedOver' && (
          <Button size="compact-sm" variant="subtle" onClick={() => transfers.describe(key, of)}>
            {t('transfer.change')}
          </Button>
        )}
      </Group>
    );
  }
  return (
    <form
      className={classes.whose}
      aria-label={t('transfer.whose', { name: item.name })}
      onSubmit={(event) => {
        event.preventDefault();
        if (namesSomebody(of)) transfers.confirm(key);
      }}
    >
      <ParticularsForm of={of} onChange={(next) => transfers.describe(key, next)} />
      <Group justify="space-between" gap="sm" mt="sm">
        <ConfirmationLine of={of} />
        <Group gap="xs">
          <Button size="compact-md" variant="default" onClick={() => transfers.leaveUnknown(key)}>
            {t('transfer.later')}
          </Button>
          <Button size="compact-md" type="submit" disabled={!namesSomebody(of)}>
            {t('transfer.confirm')}
          </Button>
        </Group>
      </Group>
    </form>
  );
}
