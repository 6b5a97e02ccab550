/** A page, or part of one, onto which DICOM files and folders may be dropped; and what became of each. */
import { Button, FileButton, Group, Progress, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore, type DragEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { keys } from '../api/queries';
import { useMe } from '../session/useMe';
import { useProblemText } from '../ui/useProblemText';
import { transfers } from '../uploads/TransferQueue';
import { useTransfers } from '../uploads/useUploads';
import { goesInPieces } from '../uploads/waysIn';
import classes from './DropZone.module.css';
import { chosenFiles, droppedFiles } from './droppedFiles';
import { UploadQueue, type UploadItem } from './uploads';

/** Uploads go on while the person looks at other pages. */
const queue = new UploadQueue();

/** Slides and large files go in pieces, and the page of uploads shows them. */
function useTakeFiles(): (files: readonly File[]) => void {
  const { person } = useMe();
  return (files) => {
    const inPieces = files.filter(goesInPieces);
    if (inPieces.length > 0) transfers.add(inPieces, person.id);
    queue.add(files.filter((file) => !goesInPieces(file)));
  };
}

interface Props {
  children: ReactNode;
  onStored?: (studyUid: string) => void;
}

export function DropZone({ children, onStored }: Props) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const takeFiles = useTakeFiles();
  const items = useSyncExternalStore(queue.subscribe, queue.snapshot);
  useRefreshWhenStored(items, onStored);

  const take = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    takeFiles(await droppedFiles(event.dataTransfer));
  };

  return (
    <div
      className={classes.zone}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void take(event)}
    >
      {over && <div className={classes.veil}>{t('upload.dropHere')}</div>}
      {children}
      <InPieces />
      {items.length > 0 && <UploadList items={items} />}
    </div>
  );
}

/** Where the others are that have been dropped. */
function InPieces() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const count = useTransfers().filter(({ state }) => state.kind !== 'handedOver').length;
  if (count === 0 || pathname === '/uploads') return null;
  return (
    <div className={classes.list} role="status">
      <Link to="/uploads">{t('transfer.elsewhere', { n: count })}</Link>
    </div>
  );
}

export function UploadButton() {
  const { t } = useTranslation();
  const takeFiles = useTakeFiles();
  return (
    <FileButton onChange={(files) => void chosenFiles(files).then(takeFiles)} multiple inputProps={{ 'aria-label': t('upload.choose') }}>
      {(props) => (
        <Button variant="default" {...props}>
          {t('upload.choose')}
        </Button>
      )}
    </FileButton>
  );
}

/** Lists show a new study as soon as its first file is in. */
function useRefreshWhenStored(items: readonly UploadItem[], onStored?: (studyUid: string) => void): void {
  const cache = useQueryClient();
  const stored = items.flatMap(({ state }) => (state.kind === 'done' ? [state.answer.study_instance_uid] : []));
  const newest = stored.at(-1);
  const count = stored.length;
  useEffect(() => {
    if (newest === undefined) return;
    void cache.invalidateQueries({ queryKey: keys.studies });
    onStored?.(newest);
    // Only a further stored file is news; a parent's new callback is not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [count, newest, cache]);
}

function UploadList({ items }: { items: readonly UploadItem[] }) {
  const { t } = useTranslation();
  const done = items.filter(({ state }) => state.kind === 'done').length;
  const failed = items.filter(({ state }) => state.kind === 'failed').length;
  const finished = done + failed === items.length;
  const share = items.reduce((sum, item) => sum + sentShare(item), 0) / items.length;
  // With hundreds of slices only those with something to say are listed.
  const notable = items.filter(({ state }) => state.kind !== 'done' && state.kind !== 'waiting').slice(0, 50);

  return (
    <section className={classes.list} aria-label={t('upload.title')}>
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={600} role="status">
            {t('upload.summary', { done, total: items.length })}
            {failed > 0 && ` · ${t('upload.failed', { n: failed })}`}
          </Text>
          {finished && (
            <Button size="compact-sm" variant="subtle" onClick={() => queue.clearFinished()}>
              {t('common.close')}
            </Button>
          )}
        </Group>
        <Progress value={share * 100} size="sm" aria-label={t('upload.title')} />
        <ul className={classes.files}>
          {notable.map((item) => (
            <FileLine key={item.id} item={item} />
          ))}
        </ul>
      </Stack>
    </section>
  );
}

function sentShare({ state }: UploadItem): number {
  if (state.kind === 'sending') return state.sent;
  return state.kind === 'done' || state.kind === 'failed' ? 1 : 0;
}

function FileLine({ item }: { item: UploadItem }) {
  const { t } = useTranslation();
  const problemText = useProblemText();
  const words = (): string => {
    const { state } = item;
    switch (state.kind) {
      case 'waiting':
        return t('upload.waiting');
      case 'sending':
        return t('upload.sending', { percent: Math.round(state.sent * 100) });
      case 'retrying':
        return t('upload.retrying', { attempt: state.attempt });
      case 'done':
        return t(`upload.outcome.${state.answer.outcome}`);
      case 'failed': {
        const { title, detail } = problemText(state.error);
        const reason = state.error.name === 'Problem' && 'status' in state.error && state.error.status === 422 ? t('upload.notDicom') : title;
        return detail === null ? reason : `${reason} (${detail})`;
      }
    }
  };
  return (
    <li className={classes.file} data-failed={item.state.kind === 'failed' || undefined}>
      <span className={classes.name}>{item.name}</span>
      <span>{words()}</span>
    </li>
  );
}
