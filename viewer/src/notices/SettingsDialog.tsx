/** By which ways besides this page somebody is told, and, for administrators, the organisation's own system. */
import { Button, Code, Divider, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { RulesDialog } from '../alarms/RulesDialog';
import { hasRole, useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { notices } from './api';

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const [rules, setRules] = useState(false);
  if (rules) return <RulesDialog onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={t('notice.settings')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack gap="md">
        <Mail />
        {hasRole(me, 'administrator') && <Webhook />}
        {hasRole(me, 'administrator', 'coordinator') && (
          <>
            <Divider />
            <Button variant="default" onClick={() => setRules(true)}>
              {t('critical.rulesTitle')}
            </Button>
          </>
        )}
      </Stack>
    </Modal>
  );
}

function Mail() {
  const { t } = useTranslation();
  const kept = useQuery({ queryKey: ['notice-mail'], queryFn: notices.mail });
  const [address, setAddress] = useState<string | null>(null);
  const save = useMutation({ mutationFn: notices.putMail, onSuccess: () => kept.refetch() });
  const value = address ?? kept.data?.address ?? '';
  return (
    <Stack gap="xs">
      <TextInput type="email" label={t('notice.mail')} description={t('notice.mailHint')} value={value} disabled={!kept.isSuccess} onChange={(event) => setAddress(event.currentTarget.value)} />
      {kept.isError && <ErrorNotice error={kept.error} onRetry={() => void kept.refetch()} />}
      {save.isError && <ErrorNotice error={save.error} />}
      <Saved done={save.isSuccess} busy={save.isPending} ready={kept.isSuccess} onSave={() => save.mutate(value)} />
    </Stack>
  );
}

function Webhook() {
  const { t } = useTranslation();
  const kept = useQuery({ queryKey: ['webhook'], queryFn: notices.webhook });
  const [url, setUrl] = useState<string | null>(null);
  const save = useMutation({ mutationFn: notices.putWebhook });
  const value = url ?? kept.data?.url ?? '';
  return (
    <Stack gap="xs">
      <Divider />
      <TextInput type="url" label={t('notice.webhook')} description={t('notice.webhookHint')} value={value} disabled={!kept.isSuccess} onChange={(event) => setUrl(event.currentTarget.value)} />
      {kept.isError && <ErrorNotice error={kept.error} onRetry={() => void kept.refetch()} />}
      {save.isError && <ErrorNotice error={save.error} />}
      {save.data?.secret !== null && save.data !== undefined && (
        <Text size="sm" role="status">
          {t('notice.secret')} <Code>{save.data.secret}</Code>
        </Text>
      )}
      <Saved done={save.isSuccess} busy={save.isPending} ready={kept.isSuccess} onSave={() => save.mutate(value)} />
    </Stack>
  );
}

/** Nothing is saved over what has not been read. */
function Saved({ done, busy, ready, onSave }: { done: boolean; busy: boolean; ready: boolean; onSave: () => void }) {
  const { t } = useTranslation();
  return (
    <Group justify="flex-end">
      {done && (
        <Text size="sm" c="dimmed" role="status">
          {t('notice.saved')}
        </Text>
      )}
      <Button variant="default" loading={busy} disabled={!ready} onClick={onSave}>
        {t('common.save')}
      </Button>
    </Group>
  );
}
