/** The organisation's single sign-on, bound to one's own account. */
import { Button, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { signOn } from './api';

const outcomes = ['refused', 'cancelled', 'unknown', 'second_factor', 'bound', 'taken', 'invitation_gone'] as const;

/** What the way by the provider has come to, when somebody is just back from there. */
export function SignOnOutcome() {
  const { t } = useTranslation();
  const [outcome] = useState(() => {
    const said = new URLSearchParams(window.location.search).get('sign_on');
    return outcomes.find((one) => one === said);
  });
  if (outcome === undefined) return null;
  return (
    <Text role={outcome === 'bound' ? 'status' : 'alert'} size="sm">
      {t(`signOn.outcome.${outcome}`)}
    </Text>
  );
}

/** Nothing where there is no single sign-on. */
export function SignOn() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const binding = useQuery({ queryKey: keys.signOn, queryFn: signOn.binding });
  const bind = useMutation({ mutationFn: signOn.bind, onSuccess: ({ url }) => window.location.assign(url) });
  const [removing, setRemoving] = useState(false);
  const name = binding.data?.name ?? null;
  if (name === null || binding.data === undefined) return null;
  return (
    <section aria-label={t('signOn.title')}>
      <Title order={2} size="h4">
        {t('signOn.title')}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {t('signOn.hint', { name })}
      </Text>
      <Stack gap="sm" align="flex-start">
        <SignOnOutcome />
        <Text size="sm">{t(binding.data.is_bound ? 'signOn.on' : 'signOn.off', { name })}</Text>
        {bind.isError && <ErrorNotice error={bind.error} />}
        {binding.data.is_bound ? (
          <Button variant="default" onClick={() => setRemoving(true)}>
            {t('signOn.unbind')}
          </Button>
        ) : (
          <Button loading={bind.isPending} onClick={() => bind.mutate()}>
            {t('signOn.bind', { name })}
          </Button>
        )}
      </Stack>
      {removing && (
        <ConfirmDialog
          title={t('signOn.unbind')}
          consequences={[t('signOn.unbindText', { name })]}
          confirm={t('signOn.unbind')}
          onConfirm={async () => {
            await signOn.unbind();
            await cache.invalidateQueries({ queryKey: keys.signOn });
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </section>
  );
}
