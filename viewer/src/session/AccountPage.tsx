/** One's own account: where one is logged in, the second factor, a new password. */
import { Button, Group, PasswordInput, Stack, Table, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { SigningCertificatePart } from '../signing/SigningCertificatePart';
import { Chip } from '../ui/Chip';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneTable } from '../ui/PaneTable';
import { useFormat } from '../ui/useFormat';
import classes from './Account.module.css';
import { account, type SessionItem } from './api';
import { browserName } from './browserName';
import { isReady, NewPasswordFields, noPassword } from './NewPasswordFields';
import { Passkeys } from './Passkeys';
import { SecondFactor } from './SecondFactor';
import { SignOn } from './SignOn';
import { hasRole, useMe } from './useMe';

export default function AccountPage() {
  const { t } = useTranslation();
  const signs = hasRole(useMe(), 'reader', 'reviewer');
  return (
    <div className={pane.pane}>
      <div className={classes.page}>
        <Part title={t('account.sessions')} hint={t('account.sessionsHint')}>
          <Sessions />
        </Part>
        <Part title={t('factor.title')} hint={t('factor.hint')}>
          <SecondFactor />
        </Part>
        <Part title={t('passkeys.title')} hint={t('passkeys.hint')}>
          <Passkeys />
        </Part>
        <SignOn />
        {signs && (
          <Part title={t('ownKey.title')} hint={t('ownKey.hint')}>
            <SigningCertificatePart />
          </Part>
        )}
        <Part title={t('password.title')} hint={t('password.hint')}>
          <ChangePassword />
        </Part>
      </div>
    </div>
  );
}

function Part({ title, hint, children }: { title: string; hint: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Title order={2} size="h4">
        {title}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {hint}
      </Text>
      {children}
    </section>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.sessions, queryFn: account.sessions });
  const refresh = () => cache.invalidateQueries({ queryKey: keys.sessions });
  const end = useMutation({ mutationFn: account.endSession, onSettled: refresh });
  const endOthers = useMutation({ mutationFn: account.endOthers, onSettled: refresh });
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { sessions } = list.data;
  const failure = end.error ?? endOthers.error;
  return (
    <Stack gap="sm" align="flex-start">
      {failure !== null && <ErrorNotice error={failure} />}
      <PaneTable columns={[t('account.browser'), t('account.address'), t('account.begun'), t('account.lastUsed'), '']}>
        {sessions.map((one) => (
          <Row key={one.id} session={one} busy={end.isPending && end.variables === one.id} onEnd={() => end.mutate(one.id)} />
        ))}
      </PaneTable>
      <Button variant="default" disabled={sessions.length < 2} loading={endOthers.isPending} onClick={() => endOthers.mutate()}>
        {t('account.endOthers')}
      </Button>
    </Stack>
  );
}

function Row({ session, busy, onEnd }: { session: SessionItem; busy: boolean; onEnd: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Table.Tr>
      <Table.Td title={session.user_agent}>
        <Group gap="xs">
          {browserName(session.user_agent) ?? t('account.unknownBrowser')}
          {session.is_this && <Chip tone="done">{t('account.this')}</Chip>}
          {session.factors !== 'password' && <Chip tone="quiet">{t(`account.factors.${session.factors}`)}</Chip>}
        </Group>
      </Table.Td>
      <Table.Td data-label={t('account.address')}>{session.address}</Table.Td>
      <Table.Td className={pane.fixed} data-label={t('account.begun')}>
        {format.moment(session.created_at)}
      </Table.Td>
      <Table.Td className={pane.fixed} data-label={t('account.lastUsed')}>
        {format.moment(session.last_used_at)}
      </Table.Td>
      <Table.Td>
        {!session.is_this && (
          <Button size="compact-sm" variant="default" loading={busy} onClick={onEnd}>
            {t('account.end')}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function ChangePassword() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState(noPassword);
  const change = useMutation({
    mutationFn: () => account.changePassword(current, next.password),
    onSuccess: () => {
      setCurrent('');
      setNext(noPassword);
      void cache.invalidateQueries({ queryKey: keys.sessions });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit} className={classes.form}>
      <Stack gap="sm" align="stretch">
        <PasswordInput
          label={t('password.current')}
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <NewPasswordFields value={next} onChange={setNext} />
        {change.isError && <ErrorNotice error={change.error} />}
        {change.isSuccess && <Text role="status">{t('password.changed')}</Text>}
        <Group>
          <Button type="submit" disabled={current === '' || !isReady(next)} loading={change.isPending}>
            {t('password.change')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
