/** Rights and keys change only a moment after somebody has proved who they are: asks, and lets the request go again. */
import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { onProofNeeded } from '../api/client';
import { keys } from '../api/queries';
import { ErrorNotice } from '../ui/ErrorNotice';
import { account, passkeys } from './api';
import { canUsePasskeys, NotChosen } from './webauthn';

const aboveDialogs = 300;
const oneTimeCode = /^\d{3} ?\d{3}$/;
/** Four groups of base32, as they are shown when they are made. */
const recoveryCode = /^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/i;

export function ProofDialog() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const [proof, setProof] = useState('');
  const waiting = useRef<((proved: boolean) => void)[]>([]);
  const isCode = oneTimeCode.test(proof.trim()) || recoveryCode.test(proof.trim());
  const attempt = useMutation({
    mutationFn: () => account.prove(isCode ? { code: proof.trim() } : { password: proof }),
    onSuccess: () => settle(true),
  });
  const own = useQuery({ queryKey: keys.passkeys, queryFn: passkeys.list, enabled: open });
  const hasPasskey = own.data !== undefined && own.data.passkeys.length > 0 && canUsePasskeys(own.data.domain, window.location.hostname);
  const sessions = useQuery({ queryKey: keys.sessions, queryFn: account.sessions, enabled: open });
  const cameBy = sessions.data?.sessions.find(({ is_this: isThis }) => isThis)?.factors;
  const byPasskey = useMutation({ mutationFn: passkeys.prove, onSuccess: () => settle(true) });
  const settle = (proved: boolean) => {
    setOpen(false);
    setProof('');
    attempt.reset();
    byPasskey.reset();
    waiting.current.splice(0).forEach((goOn) => goOn(proved));
  };

  useEffect(() => {
    onProofNeeded(
      () =>
        new Promise((resolve) => {
          waiting.current.push(resolve);
          setOpen(true);
        }),
    );
    return () => onProofNeeded(null);
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    // The dialog lies over another form, which must not take this for its own.
    event.stopPropagation();
    attempt.mutate();
  };
  return (
    <Modal
      opened={open}
      onClose={() => settle(false)}
      title={t('proof.title')}
      zIndex={aboveDialogs}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">{t('proof.text')}</Text>
          {hasPasskey && (
            <>
              <Button data-autofocus loading={byPasskey.isPending} onClick={() => byPasskey.mutate()}>
                {t('proof.passkey')}
              </Button>
              {byPasskey.error instanceof NotChosen && <Text role="alert">{t('passkeys.notUsed')}</Text>}
              {byPasskey.isError && !(byPasskey.error instanceof NotChosen) && <ErrorNotice error={byPasskey.error} />}
            </>
          )}
          {(cameBy === 'single_sign_on' || cameBy === 'single_sign_on_twice') && <Text size="sm">{t('proof.signOn')}</Text>}
          <PasswordInput
            label={t('proof.field')}
            autoComplete="current-password"
            required
            withAsterisk={false}
            data-autofocus
            visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
            value={proof}
            onChange={(event) => setProof(event.currentTarget.value)}
          />
          {attempt.isError && <ErrorNotice error={attempt.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => settle(false)}>
              {t('common.back')}
            </Button>
            <Button type="submit" loading={attempt.isPending}>
              {t('proof.submit')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
