/** Says what will happen before it does; stays open, with the reason, when it could not be done. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorNotice } from './ErrorNotice';

interface Props {
  title: string;
  /** What will happen, one sentence each. */
  consequences: string[];
  confirm: string;
  /** What cannot be taken back is red. */
  final?: boolean;
  ready?: boolean;
  size?: string;
  children?: ReactNode;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

export function ConfirmDialog({ title, consequences, confirm, final = false, ready = true, size = 'md', children, onConfirm, onClose }: Props) {
  const { t } = useTranslation();
  const work = useMutation({ mutationFn: onConfirm, onSuccess: onClose });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && !work.isPending) work.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={title} size={size} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {children}
          {consequences.length > 0 && (
            <Stack gap={4} role="note">
              {consequences.map((sentence) => (
                <Text key={sentence} size="sm">
                  {sentence}
                </Text>
              ))}
            </Stack>
          )}
          {work.isError && <ErrorNotice error={work.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.back')}
            </Button>
            <Button type="submit" variant={final ? 'outline' : 'filled'} color={final ? 'red' : undefined} disabled={!ready} loading={work.isPending}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
