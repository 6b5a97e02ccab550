/** What the requester is asked for; while it is waited for, and afterwards with what they said. */
import { Alert, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { formatMinutes } from '../ui/clock';
import { useFormat } from '../ui/useFormat';
import classes from './Consult.module.css';

export function WaitNote({ consult, asksRequester }: { consult: Consult; asksRequester: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const last = consult.waits.at(-1);
  if (last === undefined) return null;
  const waits = last.until === null;
  return (
    <Alert color={waits ? 'yellow' : 'gray'} variant="outline" title={t('consult.waiting.wanted')} data-testid="wanted">
      <Stack gap={4}>
        <Text className={classes.words}>{last.wanted}</Text>
        <Text size="xs" c="dimmed">
          {t('consult.waiting.asked', { who: last.by?.name ?? '', at: format.moment(last.since) })}
        </Text>
        {waits && asksRequester && <Text size="sm">{t('consult.waiting.hint')}</Text>}
        {last.answer !== '' && (
          <Text size="sm" className={classes.words}>
            {t('consult.waiting.answer')}：{last.answer}
          </Text>
        )}
        {!waits && (
          <Text size="xs" c="dimmed">
            {t('clock.waited', { time: formatMinutes(Math.ceil(consult.waited_ms / 60_000)) })}
          </Text>
        )}
      </Stack>
    </Alert>
  );
}
