/** Login name and password: the same form on the first page and in the dialog over a lapsed session. */
import { Button, Divider, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { session } from '../api/endpoints';
import { isProblem } from '../api/problem';
import { keys } from '../api/queries';
import type { Me } from '../api/types';
import { ErrorNotice } from '../ui/ErrorNotice';
import { passkeys, signOn, ways } from './api';
import { SignOnOutcome } from './SignOn';
import { canUsePasskeys, NotChosen } from './webauthn';

interface Props {
  initialLogin?: string;
  onLoggedIn: (me: Me) => void;
}

export function LoginForm({ initialLogin = '', onLoggedIn }: Props) {
  const { t } = useTranslation();
  const [login, setLogin] = useState(initialLogin);
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const attempt = useMutation({
    mutationFn: () => session.logIn(login.trim(), password, code === '' ? undefined : code),
    onSuccess: onLoggedIn,
  });
  const open = useQuery({ queryKey: keys.ways, queryFn: ways, staleTime: Infinity });
  const byPasskey = useMutation({ mutationFn: passkeys.logIn, onSuccess: onLoggedIn });
  const hasPasskeys = canUsePasskeys(open.data?.passkey_domain ?? null, window.location.hostname);
  const passkeyNeeded = isProblem(attempt.error, 'passkey-needed');
  // Once asked for, the field stays while the person corrects what they typed.
  const [codeAsked, setCodeAsked] = useState(false);
  const codeRefused = isProblem(attempt.error, 'code-refused');
  const codeNeeded = isProblem(attempt.error, 'code-needed');
  if ((codeNeeded || codeRefused) && !codeAsked) setCodeAsked(true);
  const refused = isProblem(attempt.error, 'unauthenticated');

  const submit = (event: FormEvent) => {
    event.preventDefault();
    attempt.mutate();
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <SignOnOutcome />
        <TextInput
          label={t('login.name')}
          name="login"
          autoComplete="username"
          required
          withAsterisk={false}
          data-autofocus={initialLogin === '' || undefined}
          autoFocus={initialLogin === ''}
          value={login}
          onChange={(event) => setLogin(event.currentTarget.value)}
        />
        <PasswordInput
          label={t('login.password')}
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          data-autofocus={initialLogin !== '' || undefined}
          error={refused ? t('login.refused') : undefined}
          visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {codeAsked && (
          <TextInput
            label={t('login.code')}
            description={t('login.codeHint')}
            name="code"
            autoComplete="one-time-code"
            required
            withAsterisk={false}
            autoFocus
            error={codeRefused ? t('problem.code-refused') : undefined}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
        )}
        {attempt.isError && !refused && !codeNeeded && !codeRefused && !passkeyNeeded && <ErrorNotice error={attempt.error} />}
        <Button type="submit" size="md" fullWidth loading={attempt.isPending}>
          {t('login.submit')}
        </Button>
        {passkeyNeeded && <Text role="alert">{t(hasPasskeys ? 'login.passkeyNeeded' : 'login.passkeyElsewhere')}</Text>}
        {open.data?.sign_on != null && (
          <Button component="a" href={signOn.address} variant="default" size="md" fullWidth>
            {t('login.signOn', { name: open.data.sign_on })}
          </Button>
        )}
        {hasPasskeys && (
          <>
            {!passkeyNeeded && <Divider label={t('login.or')} />}
            <Button variant={passkeyNeeded ? 'filled' : 'default'} size="md" fullWidth loading={byPasskey.isPending} onClick={() => byPasskey.mutate()}>
              {t('login.passkey')}
            </Button>
            {byPasskey.error instanceof NotChosen && <Text role="alert">{t('passkeys.notUsed')}</Text>}
            {byPasskey.isError && !(byPasskey.error instanceof NotChosen) && <ErrorNotice error={byPasskey.error} />}
          </>
        )}
      </Stack>
    </form>
  );
}
