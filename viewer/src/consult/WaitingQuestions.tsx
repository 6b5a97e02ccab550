/** On every page: questions that wait for their images while whoever asked is elsewhere. They go from here. */
import { Button, Group, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { consults } from '../api/endpoints';
import { sentAgain } from '../api/once';
import { Problem } from '../api/problem';
import type { ConsultRequest } from '../api/types';
import { newUuid } from '../api/uid';
import { useStudy } from '../reading/useStudy';
import { useMe } from '../session/useMe';
import { Patient } from '../ui/Patient';
import { readStored, writeStored } from '../ui/useStored';
import { useProblemText } from '../ui/useProblemText';
import { draftKey, emptyDraft, type AskDraft } from './askDraft';
import classes from './Consult.module.css';
import { failedCount } from './ownFiles';
import { saveDraft } from './saveDraft';
import { useArriving } from './useArriving';
import { rememberConsult } from './useConsult';
import { drop, waitElsewhere, type Waiting } from './waiting';

export default function WaitingQuestions({ list }: { list: readonly Waiting[] }) {
  const { person } = useMe();
  return list.filter((one) => one.person === person.id).map((one) => <WaitingQuestion key={one.asked} waiting={one} />);
}

function WaitingQuestion({ waiting }: { waiting: Waiting }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const { person } = useMe();
  const problemText = useProblemText();
  const { kept, study } = waiting;
  const patient = useStudy(study.org, study.study_instance_uid).data;
  const { isArriving, mayGo, own, look } = useArriving(study, { inBackground: true });
  const failed = failedCount(own);
  // Each try of it is the same question.
  const [once] = useState(() => waiting.once ?? newUuid());
  const send = useMutation({
    mutationFn: async () => {
      const saved = await saveDraft(kept, JSON.parse(waiting.asked) as ConsultRequest, once);
      return saved.state === 'draft' ? consults.act(saved.id, 'submit', saved.version) : saved;
    },
    retry: sentAgain,
    onSuccess: (sent) => {
      rememberConsult(cache, sent);
      waitElsewhere({ ...waiting, sent: sent.id });
      const key = draftKey(person.id);
      if (readStored<Partial<AskDraft>>(key, {}).kept?.id === sent.id) writeStored(key, emptyDraft);
    },
    // An image may have come between the last look and the question.
    onError: async (error) => {
      if (error instanceof Problem && error.field === 'study' && (await look())) send.reset();
    },
  });
  const isReady = waiting.sent === null && mayGo !== null && !isArriving && failed === 0;
  const go = useEffectEvent(() => {
    if (send.isIdle) send.mutate();
  });
  useEffect(() => {
    if (isReady) go();
  }, [isReady, send.isIdle]);

  const isStuck = send.isError || failed > 0;
  const words = () => {
    if (waiting.sent !== null) return t('arriving.sent');
    if (send.isError) return t('arriving.notSent', { why: problemText(send.error).detail ?? problemText(send.error).title });
    return failed > 0 ? t('arriving.failed', { n: failed }) : t('arriving.elsewhere');
  };
  return (
    <Group className={classes.waiting} gap="sm" role={isStuck ? 'alert' : 'status'} data-stuck={isStuck || undefined} data-testid="waiting-elsewhere">
      {patient !== undefined && <Patient patient={patient} />}
      <Text size="sm">{words()}</Text>
      {waiting.sent !== null ? (
        <Button component={Link} to={`/cases/${waiting.sent}`} size="compact-sm" onClick={() => drop(waiting)}>
          {t('arriving.open')}
        </Button>
      ) : (
        <Button component={Link} to={kept === null ? '/ask' : `/ask?draft=${kept.id}`} size="compact-sm" variant="default">
          {t('arriving.back')}
        </Button>
      )}
      <Button size="compact-sm" variant="subtle" onClick={() => drop(waiting)}>
        {t(waiting.sent !== null ? 'common.close' : 'arriving.stop')}
      </Button>
    </Group>
  );
}
