/** The link of an invitation: who it is for, and a password of their own. */
import { Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { isProblem } from '../api/problem';
import { keys } from '../api/queries';
import { ErrorNotice } from '../ui/ErrorNotice';
import { LanguageSwitch } from '../ui/LanguageSwitch';
import { useFormat } from '../ui/useFormat';
import { invitations, ways } from './api';
import { Door } from './Door';
import { isReady, NewPasswordFields, noPassword } from './NewPasswordFields';

export default function JoinPage() {
  const { t } = useTranslation();
  const format = useFormat();
  // Kept while the page is open; taken off the address, where it would stay in the history.
  const [secret] = useState(() => {
    const found = window.location.hash.slice(1);
    window.history.replaceState(null, '', window.location.pathname);
    return found;
  });
  const [password, setPassword] = useState(noPassword);
  const invited = useQuery({ queryKey: ['invitation'], queryFn: () => invitations.look(secret), retry: false, staleTime: Infinity });
  const taking = useMutation({ mutationFn: () => invitations.take(secret, password.password) });
  const open = useQuery({ queryKey: keys.ways, queryFn: ways, staleTime: Infinity });
  const going = useMutation({ mutationFn: () => invitations.signOn(secret), onSuccess: ({ url }) => window.location.assign(url) });
  const provider = open.data?.sign_on ?? null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady(password)) taking.mutate();
  };
  return (
    <Door purpose={t('join.title')}>
      {isProblem(invited.error, 'not-found') && <Text role="alert">{t('join.gone')}</Text>}
      {invited.isError && !isProblem(invited.error, 'not-found') && (
        <ErrorNotice error={invited.error} onRetry={() => void invited.refetch()} />
      )}
      {invited.data !== undefined && !taking.isSuccess && (
        <form onSubmit={submit}>
          <Stack gap="sm">
            <Text>{t('join.for', { ...invited.data })}</Text>
            <Text size="sm" c="dimmed">
              {t('join.until', { login: invited.data.login, at: format.moment(invited.data.expires_at) })}
            </Text>
            {provider !== null && (
              <>
                <Button variant="default" size="md" loading={going.isPending || going.isSuccess} onClick={() => going.mutate()}>
                  {t('join.signOn', { name: provider })}
                </Button>
                {going.isError && <ErrorNotice error={going.error} />}
                <Text size="sm" c="dimmed">
                  {t('join.orPassword')}
                </Text>
              </>
            )}
            <NewPasswordFields value={password} onChange={setPassword} />
            {taking.isError && <ErrorNotice error={taking.error} />}
            <Button type="submit" size="md" disabled={!isReady(password)} loading={taking.isPending}>
              {t('join.submit')}
            </Button>
          </Stack>
        </form>
      )}
      {taking.isSuccess && <Text role="status">{t('join.done', { login: invited.data?.login })}</Text>}
      <Group justify="space-between">
        <Anchor component={Link} to="/" size="sm">
          {t('join.toLogin')}
        </Anchor>
        <LanguageSwitch />
      </Group>
    </Door>
  );
}
