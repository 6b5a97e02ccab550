/** Everything that comes in by hand: what is being sent, what became of it, and slides that wait for their patient. */
import { Button, FileButton, Group, Text, Title } from '@mantine/core';
import { useState, type DragEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { chosenFiles, droppedFiles } from '../studies/droppedFiles';
import { useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { ServerList } from './ServerList';
import { TransferCard } from './TransferCard';
import { isWithServer, transfers } from './TransferQueue';
import { Unidentified } from './Unidentified';
import classes from './Uploads.module.css';
import { useTransfers, useUnidentified, useUploads, useWatched } from './useUploads';
import { Watched } from './Watched';

export default function UploadsPage() {
  const { t } = useTranslation();
  const local = useTransfers();
  const found = useUploads(true);
  const unidentified = useUnidentified();
  const watched = useWatched();

  const here = new Set(local.filter((item) => !isWithServer(item)).map(({ uploadId }) => uploadId));
  const others = (found.data?.uploads ?? []).filter(({ id }) => !here.has(id));
  const shown = local.filter((item) => !isWithServer(item) || !others.some(({ id }) => id === item.uploadId));
  const waiting = unidentified.data?.slides ?? [];
  return (
    <div className={classes.page}>
      <DropField />
      {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
      {waiting.length > 0 && (
        <Section title={t('transfer.unidentified', { n: waiting.length })} hint={t('transfer.unidentifiedHint')}>
          <Unidentified list={waiting} />
        </Section>
      )}
      {(shown.length > 0 || others.length > 0) && (
        <Section title={t('transfer.title')}>
          <ul className={classes.cards}>
            {shown.map((item) => (
              <TransferCard key={item.key} item={item} />
            ))}
          </ul>
          <ServerList uploads={others} unidentified={new Set(waiting.map(({ slide_id }) => slide_id))} />
        </Section>
      )}
      {watched.data !== undefined && watched.data.folders.length > 0 && (
        <Section title={t('transfer.watched')}>
          <Watched folders={watched.data.folders} />
        </Section>
      )}
    </div>
  );
}

function Section({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className={classes.section}>
      <Title order={2} size="h4">
        {title}
      </Title>
      {hint !== undefined && (
        <Text size="sm" c="dimmed">
          {hint}
        </Text>
      )}
      {children}
    </section>
  );
}

/** What the types of the page leave out: a folder is chosen, not files. */
const wholeFolder = { webkitdirectory: '' } as object;

function DropField() {
  const { t } = useTranslation();
  const { person } = useMe();
  const [over, setOver] = useState(false);
  const take = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    transfers.add(await droppedFiles(event.dataTransfer), person.id);
  };
  const choose = async (files: File[]) => transfers.add(await chosenFiles(files), person.id);
  return (
    <div
      className={classes.drop}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void take(event)}
    >
      <Group gap="sm" justify="center">
        <FileButton multiple onChange={(files) => void choose(files)} inputProps={{ 'aria-label': t('transfer.choose') }}>
          {(props) => (
            <Button size="md" {...props}>
              {t('transfer.choose')}
            </Button>
          )}
        </FileButton>
        <FileButton multiple onChange={(files) => void choose(files)} inputProps={{ 'aria-label': t('transfer.chooseFolder'), ...wholeFolder }}>
          {(props) => (
            <Button size="md" variant="default" {...props}>
              {t('transfer.chooseFolder')}
            </Button>
          )}
        </FileButton>
      </Group>
      <Text size="sm" c="dimmed">
        {t('transfer.dropHint')}
      </Text>
    </div>
  );
}
