/** The passkeys of one's own account: register, name, take off. */
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import { passkeys, type Passkey } from './api';
import { browserName } from './browserName';
import { canUsePasskeys, NotChosen } from './webauthn';

export function Passkeys({ onRegistered }: { onRegistered?: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.passkeys, queryFn: passkeys.list });
  const [removing, setRemoving] = useState<Passkey | null>(null);
  if (list.data === undefined) return list.isError && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { domain, passkeys: all } = list.data;
  const refresh = async () => {
    await cache.invalidateQueries({ queryKey: keys.passkeys });
    await cache.invalidateQueries({ queryKey: keys.sessions });
  };
  return (
    <Stack gap="sm" align="flex-start">
      {all.length > 0 && <List all={all} onRemove={setRemoving} />}
      {canUsePasskeys(domain, window.location.hostname) ? (
        <Register
          onRegistered={() => {
            void refresh();
            onRegistered?.();
          }}
        />
      ) : (
        <Text size="sm">{domain === null ? t('passkeys.none') : t('passkeys.elsewhere', { domain })}</Text>
      )}
      {removing !== null && (
        <ConfirmDialog
          title={t('passkeys.removeTitle', { name: removing.name })}
          consequences={[t('passkeys.removeText'), ...(all.length === 1 ? [t('passkeys.removeLast')] : [])]}
          confirm={t('passkeys.remove')}
          final
          onConfirm={async () => {
            await passkeys.remove(removing.id);
            await refresh();
            await cache.invalidateQueries({ queryKey: keys.me });
          }}
          onClose={() => setRemoving(null)}
        />
      )}
    </Stack>
  );
}

function List({ all, onRemove }: { all: Passkey[]; onRemove: (passkey: Passkey) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <PaneTable columns={[t('passkeys.name'), t('passkeys.since'), t('account.lastUsed'), '']}>
      {all.map((passkey) => (
        <Table.Tr key={passkey.id}>
          <Table.Td>{passkey.name}</Table.Td>
          <Table.Td className={pane.fixed} data-label={t('passkeys.since')}>
            {format.moment(passkey.created_at)}
          </Table.Td>
          <Table.Td className={pane.fixed} data-label={t('account.lastUsed')}>
            {passkey.last_used_at === null ? t('passkeys.never') : format.moment(passkey.last_used_at)}
          </Table.Td>
          <Table.Td>
            <Button size="compact-sm" variant="default" aria-label={t('passkeys.removeTitle', { name: passkey.name })} onClick={() => onRemove(passkey)}>
              {t('passkeys.remove')}
            </Button>
          </Table.Td>
        </Table.Tr>
      ))}
    </PaneTable>
  );
}

function Register({ onRegistered }: { onRegistered: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(() => browserName(navigator.userAgent) ?? '');
  const register = useMutation({ mutationFn: () => passkeys.register(name.trim()), onSuccess: onRegistered });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    register.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" align="flex-start">
        <Group gap="sm" align="flex-end">
          <TextInput
            label={t('passkeys.name')}
            description={t('passkeys.nameHint')}
            maxLength={64}
            required
            withAsterisk={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button type="submit" disabled={name.trim() === ''} loading={register.isPending}>
            {t('passkeys.register')}
          </Button>
        </Group>
        {register.error instanceof NotChosen && <Text role="alert">{t('passkeys.notMade')}</Text>}
        {register.isError && !(register.error instanceof NotChosen) && <ErrorNotice error={register.error} />}
      </Stack>
    </form>
  );
}
