/** A page, or part of one, onto which DICOM files and folders may be dropped; and what became of each. */
import { Button, FileButton, Group, Progress, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useEffectEvent, useRef, useState, useSyncExternalStore, type DragEvent, type InputHTMLAttributes, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { keys } from '../api/queries';
import { useMe } from '../session/useMe';
import { useProblemText } from '../ui/useProblemText';
import { metadata } from '../uploads/metadata';
import { transfers } from '../uploads/TransferQueue';
import { usePaceText } from '../uploads/usePaceText';
import { useTransfers } from '../uploads/useUploads';
import classes from './DropZone.module.css';
import { chosenFiles, droppedFiles } from './droppedFiles';
import { sorted } from './triage';
import { answerOf, isFinished, uploads, type UploadItem } from './uploads';

/** Photographs and papers, with whose they are: they become DICOM on the server. */
export function sendPapers(files: readonly File[], of: Readonly<Record<string, string>>): void {
  uploads.add(files, (file, index) => ({
    path: '/uploads/documents',
    study: of['study'],
    headers: {
      'Content-Type': 'application/octet-stream',
      'Upload-Metadata': metadata({ filename: file.name, number: String(index + 1), ...of }),
    },
  }));
}

const TakeFiles = createContext<(files: Promise<readonly File[]>) => void>(() => undefined);

/** Slides and large files go in pieces, and the page of uploads shows them; papers wait until somebody says whose they are. */
function useTakeFiles(onPapers: Props['onPapers']): (files: Promise<readonly File[]>) => void {
  const { person } = useMe();
  return (files) => {
    void files.then(sorted).then(({ dicom, pieces, paper, other }) => {
      if (pieces.length > 0) transfers.add(pieces, person.id);
      uploads.add(dicom);
      uploads.skip(other, 'other');
      if (onPapers === undefined) uploads.skip(paper, 'paper');
      else if (paper.length > 0) onPapers(paper);
    });
  };
}

interface Props {
  children: ReactNode;
  /** Studies of what has come in, once all of it is in or refused. */
  onStored?: (studies: readonly string[]) => void;
  onPapers?: (files: readonly File[]) => void;
}

export function DropZone({ children, onStored, onPapers }: Props) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const takeFiles = useTakeFiles(onPapers);
  const items = useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  useRefreshWhenStored(items, onStored);

  const take = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    takeFiles(droppedFiles(event.dataTransfer));
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
      onDrop={take}
    >
      {over && <div className={classes.veil}>{t('upload.dropHere')}</div>}
      <TakeFiles value={takeFiles}>{children}</TakeFiles>
      <InPieces />
      {items.length > 0 && <UploadList items={items} />}
    </div>
  );
}

/** Where the others are that have been dropped. */
function InPieces() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const large = useTransfers();
  const there = large.filter(({ state, uploadId }) => state.kind === 'there' && uploadId === null).length;
  const count = large.filter(({ state }) => state.kind !== 'handedOver' && state.kind !== 'there').length;
  if (count + there === 0 || pathname === '/uploads') return null;
  return (
    <Group className={classes.list} role="status">
      {count > 0 && <Link to="/uploads">{t('transfer.elsewhere', { n: count })}</Link>}
      {there > 0 && <Link to="/uploads">{t('transfer.there', { n: there })}</Link>}
    </Group>
  );
}

export function UploadButton() {
  const { t } = useTranslation();
  const takeFiles = use(TakeFiles);
  const resetFiles = useRef<() => void>(null);
  const resetFolder = useRef<() => void>(null);
  const take = (files: File[]) => {
    takeFiles(chosenFiles(files));
    // The same can be chosen again, after its CD was put back in, say.
    resetFiles.current?.();
    resetFolder.current?.();
  };
  return (
    <Group gap="xs">
      <FileButton resetRef={resetFiles} onChange={take} multiple inputProps={{ 'aria-label': t('upload.choose') }}>
        {(props) => (
          <Button variant="default" {...props}>
            {t('upload.choose')}
          </Button>
        )}
      </FileButton>
      <FileButton resetRef={resetFolder} onChange={take} multiple inputProps={{ 'aria-label': t('upload.chooseFolder'), webkitdirectory: '' } as InputHTMLAttributes<HTMLInputElement>}>
        {(props) => (
          <Button variant="default" {...props}>
            {t('upload.chooseFolder')}
          </Button>
        )}
      </FileButton>
    </Group>
  );
}

/** Lists show a new study as soon as its first file is in. */
function useRefreshWhenStored(items: readonly UploadItem[], onStored: Props['onStored']): void {
  const cache = useQueryClient();
  const count = items.filter(({ state }) => answerOf(state) !== null).length;
  const isOver = items.every(({ state }) => isFinished(state));
  const [before] = useState(() => items.at(-1)?.id ?? 0);
  /** By their ids: a file that failed may come in long after others were told of. */
  const told = useRef(new Set<number>());
  const tell = useEffectEvent(() => {
    const fresh = items.filter(({ id, state }) => id > before && answerOf(state) !== null && !told.current.has(id));
    for (const { id } of fresh) told.current.add(id);
    const studies = fresh.flatMap(({ state }) => answerOf(state)?.study_instance_uid ?? []);
    if (studies.length > 0) onStored?.([...new Set(studies)]);
  });
  useEffect(() => {
    if (count > 0) void cache.invalidateQueries({ queryKey: keys.studies });
  }, [count, cache]);
  useEffect(() => {
    if (isOver) tell();
  }, [isOver, count]);
}

function UploadList({ items }: { items: readonly UploadItem[] }) {
  const { t } = useTranslation();
  const paceText = usePaceText();
  const done = items.filter(({ state }) => answerOf(state) !== null).length;
  const there = items.filter(({ state }) => state.kind === 'there').length;
  const failed = items.filter(({ state }) => state.kind === 'failed').map(({ id }) => id);
  const skipped = items.filter(({ state }) => state.kind === 'skipped').length;
  const finished = items.every(({ state }) => isFinished(state));
  const pace = uploads.pace();
  // With hundreds of slices only those with something to say are listed.
  const notable = items.filter(({ state }) => answerOf(state) === null && state.kind !== 'waiting').slice(0, 50);

  return (
    <section className={classes.list} aria-label={t('upload.title')}>
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={600} role="status">
            {t('upload.summary', { done, total: items.length - skipped })}
            {there > 0 && ` · ${t('upload.there', { n: there })}`}
            {failed.length > 0 && ` · ${t('upload.failed', { n: failed.length })}`}
            {skipped > 0 && ` · ${t('upload.skipped', { n: skipped })}`}
          </Text>
          {!finished && (
            <Text size="sm" c="dimmed">
              {paceText(pace)}
            </Text>
          )}
          <Group gap="xs">
            {failed.length > 0 && (
              <Button size="compact-sm" onClick={() => uploads.retry(failed)}>
                {t('upload.retry')}
              </Button>
            )}
            {failed.length > 0 && (
              <Button size="compact-sm" variant="subtle" color="gray" onClick={() => uploads.stop(failed)}>
                {t('upload.giveUp')}
              </Button>
            )}
            {finished ? (
              failed.length === 0 && (
                <Button size="compact-sm" variant="subtle" onClick={() => uploads.clearFinished()}>
                  {t('common.close')}
                </Button>
              )
            ) : (
              <Button size="compact-sm" variant="subtle" color="gray" onClick={() => uploads.stop(items.filter(({ state }) => !isFinished(state)).map(({ id }) => id))}>
                {t('upload.stop')}
              </Button>
            )}
          </Group>
        </Group>
        <Progress value={pace.bytes === 0 ? 0 : (pace.sent / pace.bytes) * 100} size="sm" aria-label={t('upload.title')} />
        <ul className={classes.files}>
          {notable.map((item) => (
            <FileLine key={item.id} item={item} />
          ))}
        </ul>
      </Stack>
    </section>
  );
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
      case 'there':
        return t(`upload.outcome.${state.answer.outcome}`);
      case 'skipped':
        return t(`upload.skippedWhy.${state.why}`);
      case 'failed': {
        const { title, detail } = problemText(state.error);
        return detail === null ? title : `${title} (${detail})`;
      }
    }
  };
  return (
    <li className={classes.file} data-failed={item.state.kind === 'failed' || item.state.kind === 'skipped' || undefined}>
      <span className={classes.name}>{item.name}</span>
      <span>{words()}</span>
    </li>
  );
}
