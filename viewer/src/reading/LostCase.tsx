/** The case is not this person's to write any more: who has it, and the words that did not reach the server. */
import { Alert, Stack, Text } from '@mantine/core';
import { useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { useReportWords } from '../consult/useReportWords';
import { useMe } from '../session/useMe';
import { KeptWords, useKeptWords } from './KeptWords';

/** What was written in this window: when a colleague takes a case over, its page is made anew. */
const written = new Set<string>();

export function LostCase({ consult, editable }: { consult: Consult; editable: boolean }) {
  const { t } = useTranslation();
  const me = useMe();
  const { findings, diagnosis, recommendation } = useReportWords(consult);
  const words = useMemo(() => ({ findings, diagnosis, recommendation }), [findings, diagnosis, recommendation]);
  const kept = useKeptWords(consult.id, consult.report, words);
  useEffect(() => {
    if (editable) written.add(consult.id);
  }, [consult.id, editable]);
  const mine = consult.timeline.findLastIndex(({ state, by }) => (state === 'reading' || state === 'amending') && by?.id === me.person.id);
  const ended = consult.timeline[mine + 1];
  const hadIt = written.has(consult.id) && mine >= 0;
  // What one does oneself needs no notice, and of a lease that ran out another one tells.
  const byOthers = hadIt && ended?.by != null && ended.by.id !== me.person.id;
  const withoutRight = hadIt && ended === undefined && consult.reader?.id === me.person.id;
  if (editable || (kept === '' && !byOthers && !withoutRight)) return null;
  const title =
    consult.reader !== null && consult.reader.id !== me.person.id
      ? t('reading.lost.handedOver', { who: consult.reader.name })
      : withoutRight
        ? t('reading.lost.noRight')
        : t('reading.lost.movedOn', { state: t(`state.${consult.state}`) });
  return (
    <Alert color="yellow" variant="outline" role="alert" title={title} data-testid="lost-case">
      <Stack gap="xs">
        {withoutRight && <Text size="sm">{t('reading.lost.askFor')}</Text>}
        {kept === '' ? <Text size="sm">{t('reading.lost.saved')}</Text> : <KeptWords consultId={consult.id} text={kept} />}
      </Stack>
    </Alert>
  );
}
