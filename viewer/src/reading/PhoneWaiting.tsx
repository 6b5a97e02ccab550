/** What is asked on the telephone: the number to compare, how long it waits, and taking it back. */
import { Alert, Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../api/connection';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';
import type { PhoneSignature } from '../api/types';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import classes from './Reading.module.css';

export function PhoneWaiting({ consult, signature }: { consult: string; signature: PhoneSignature }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const left_s = useSecondsUntil(signature.until);
  const cancel = useMutation({
    mutationFn: () => consults.cancelPhone(consult),
    onSuccess: (cancelled) => cache.setQueryData(keys.phoneSignature(consult), { signature: cancelled }),
    // It may be over already: what it has come to is shown then.
    onError: () => cache.invalidateQueries({ queryKey: keys.phoneSignature(consult) }),
  });
  return (
    <Stack gap="xs" className={classes.phone} data-testid="phone-waiting">
      <Group gap="sm" wrap="nowrap">
        <Loader size="sm" />
        <Text size="sm" role="status">
          {t('sign.phone.waiting', { service: signature.service })}
        </Text>
      </Group>
      <Text size="sm">{t('sign.phone.compare')}</Text>
      <Text className={classes.phoneCode} aria-label={t('sign.phone.code')}>
        {signature.code}
      </Text>
      <Group justify="space-between" gap="sm">
        <Text size="xs" c="dimmed">
          {left_s > 0 ? t('sign.phone.left', { n: left_s }) : t('sign.phone.late')}
        </Text>
        <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
          {t('sign.phone.cancel')}
        </Button>
      </Group>
      {cancel.isError && <ErrorNotice error={cancel.error} />}
    </Stack>
  );
}

/** What the last one came to, when nothing was signed. */
export function PhoneEnded({ signature }: { signature: PhoneSignature }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { progress, fault } = signature;
  if (progress === 'waiting' || progress === 'signed') return null;
  const why = fault === null ? t(`sign.phone.ended.${progress}`) : t(`sign.phone.fault.${fault}`);
  return (
    <Alert color="yellow" variant="outline" role="alert" data-testid="phone-ended">
      {t('sign.phone.endedAt', { at: format.time(Date.parse(signature.asked_at)), why })}
    </Alert>
  );
}

function useSecondsUntil(until: string): number {
  const left = () => Math.max(0, Math.ceil((Date.parse(until) - serverNow()) / 1000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(left()), 1000);
    return () => clearInterval(timer);
  });
  return seconds;
}
