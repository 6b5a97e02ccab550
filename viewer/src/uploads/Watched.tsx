/** Folders that are watched for a scanner's slides, and what was not taken. */
import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../ui/useFormat';
import type { WatchedFolder } from './api';
import { RefusalWords } from './RefusalWords';
import classes from './Uploads.module.css';

export function Watched({ folders }: { folders: readonly WatchedFolder[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <ul className={classes.cards}>
      {folders.map((folder) => (
        <li key={folder.folder} className={classes.card} aria-label={folder.folder} data-failed={folder.state === 'unreachable' || undefined}>
          <Text fw={600}>{folder.folder}</Text>
          <Text size="sm" c={folder.state === 'ok' ? 'dimmed' : 'red'} role="status">
            {folder.state === 'ok'
              ? t('transfer.folder.ok', { n: folder.imported, at: format.moment(folder.looked_at) })
              : t('transfer.folder.unreachable', { at: format.moment(folder.since) })}
          </Text>
          <ul className={classes.files}>
            {folder.files
              .filter(({ refusal, state }) => refusal !== null || state === 'importing' || state === 'contradicted')
              .map((file) => (
                <li key={file.name}>
                  <Text size="sm">
                    {file.name} · {t(`transfer.fileState.${file.state}`)} · {format.moment(file.at)}
                  </Text>
                  {file.refusal !== null && <RefusalWords refusal={file.refusal} />}
                </li>
              ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
