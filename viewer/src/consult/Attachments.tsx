/** What is attached to a request: pictures small, papers by name. The requester adds and, in a draft, removes. */
import { ActionIcon, Anchor, Button, FileButton, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import type { Attachment, Consult } from '../api/types';
import { ErrorNotice } from '../ui/ErrorNotice';
import { bytesText } from '../uploads/sizes';
import classes from './Consult.module.css';

const accepted = 'application/pdf,image/jpeg,image/png';

interface Props {
  consult: Pick<Consult, 'id' | 'attachments'>;
  /** `null`: they are only shown. Resolves once the server has it. */
  onAdd: ((file: File) => Promise<unknown>) | null;
  onRemove: ((attachment: Attachment) => Promise<unknown>) | null;
  mayRemove?: (attachment: Attachment) => boolean;
}

export function Attachments({ consult, onAdd, onRemove, mayRemove = () => true }: Props) {
  const { t } = useTranslation();
  const reset = useRef<() => void>(null);
  const add = useMutation({
    mutationFn: async (files: File[]) => {
      // One after the other: each is a new version.
      for (const file of files) await onAdd?.(file);
    },
    // The same file can be chosen again, after it was removed or refused.
    onSettled: () => reset.current?.(),
  });
  const remove = useMutation({ mutationFn: async (attachment: Attachment) => onRemove?.(attachment) });
  if (consult.attachments.length === 0 && onAdd === null) return null;
  return (
    <section aria-label={t('consult.attachments.title')}>
      <Stack gap="xs">
        <Group justify="space-between">
          <Text size="sm" fw={600}>
            {t('consult.attachments.title')}
          </Text>
          {onAdd !== null && (
            <FileButton resetRef={reset} onChange={(files) => add.mutate(files)} accept={accepted} multiple>
              {(props) => (
                <Button {...props} size="xs" variant="light" loading={add.isPending}>
                  {t('consult.attachments.add')}
                </Button>
              )}
            </FileButton>
          )}
        </Group>
        {onAdd !== null && (
          <Text size="xs" c="dimmed">
            {t('consult.attachments.hint')}
          </Text>
        )}
        {add.isError && <ErrorNotice error={add.error} />}
        {remove.isError && <ErrorNotice error={remove.error} />}
        <ul className={classes.attachments}>
          {consult.attachments.map((one) => (
            <li key={one.sha256} className={classes.attachment}>
              {one.media_type !== 'application/pdf' && <img src={consults.attachment(consult.id, one.sha256)} alt="" loading="lazy" />}
              <Anchor href={consults.attachment(consult.id, one.sha256)} target="_blank" rel="noreferrer" size="sm">
                {one.name}
              </Anchor>
              <Text size="xs" c="dimmed">
                {bytesText(one.bytes)}
              </Text>
              {onRemove !== null && mayRemove(one) && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={t('consult.attachments.remove', { name: one.name })}
                  onClick={() => remove.mutate(one)}
                >
                  ×
                </ActionIcon>
              )}
            </li>
          ))}
        </ul>
      </Stack>
    </section>
  );
}
