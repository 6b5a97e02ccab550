/** What the server has of one's uploads: unfinished ones to go on with, and what became of the others. */
import { Button, FileButton, Group, Progress, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import { uploadsApi, type UploadInfo } from './api';
import { RefusalWords } from './RefusalWords';
import { bytesText } from './sizes';
import { transfers } from './TransferQueue';
import classes from './Uploads.module.css';
import { uploadKeys } from './useUploads';

interface Props {
  uploads: readonly UploadInfo[];
  /** Slides that wait for somebody to say whose they are. */
  unidentified: ReadonlySet<string>;
}

export function ServerList({ uploads, unidentified }: Props) {
  return (
    <ul className={classes.cards}>
      {uploads.map((upload) => (
        <ServerCard key={upload.id} upload={upload} waits={upload.slide_id !== null && unidentified.has(upload.slide_id)} />
      ))}
    </ul>
  );
}

function ServerCard({ upload, waits }: { upload: UploadInfo; waits: boolean }) {
  const { t } = useTranslation();
  const me = useMe();
  const format = useFormat();
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: () => uploadsApi.remove(upload.id),
    onSuccess: () => cache.invalidateQueries({ queryKey: uploadKeys.list }),
  });
  const { state } = upload;
  const moving = state === 'checking' || state === 'importing';
  return (
    <li className={classes.card} aria-label={upload.name} data-failed={state === 'refused' || undefined}>
      <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
        <div className={classes.file}>
          <Text fw={600}>{upload.name}</Text>
          <Text size="sm" c="dimmed" role="status">
            {state === 'ready' && upload.outcome !== null ? t(`transfer.outcome.${upload.outcome}`) : t(`transfer.server.${state}`, { percent: upload.percent })}
            {state === 'receiving' && ` · ${t('transfer.amount', { sent: bytesText(upload.offset), bytes: bytesText(upload.bytes) })}`}
            {' · '}
            {format.moment(upload.created_at)}
          </Text>
          {upload.outcome === 'contradicted' && (
            <Text size="sm" c="yellow" fw={600} role="alert">
              {t('transfer.contradicted')}
            </Text>
          )}
          {waits && (
            <Text size="sm" c="yellow" fw={600}>
              {t('transfer.toIdentify')}
            </Text>
          )}
          {upload.refusal !== null && <RefusalWords refusal={upload.refusal} />}
        </div>
        <Group gap="xs" wrap="nowrap">
          {state === 'receiving' && (
            <FileButton onChange={(file) => file !== null && transfers.add([file], me.person.id)}>
              {(props) => (
                <Button size="compact-sm" {...props}>
                  {t('transfer.goOn')}
                </Button>
              )}
            </FileButton>
          )}
          {upload.slide_id !== null && (
            <Button size="compact-sm" component={Link} to={`/slides/${encodeURIComponent(upload.slide_id)}`}>
              {t('transfer.open')}
            </Button>
          )}
          {!moving && state !== 'waiting' && (
            <Button size="compact-sm" variant="subtle" color="gray" loading={remove.isPending} onClick={() => remove.mutate()}>
              {t(state === 'receiving' ? 'transfer.cancel' : 'transfer.remove')}
            </Button>
          )}
        </Group>
      </Group>
      {moving && <Progress value={upload.percent} size="sm" mt={6} aria-label={t('transfer.progress', { name: upload.name })} />}
      {remove.isError && <ErrorNotice error={remove.error} />}
    </li>
  );
}
