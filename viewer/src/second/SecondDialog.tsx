/** Asks for a second opinion on a delivered report: whom, how soon, and whether the first report goes along. */
import { Select, Switch, Text, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { consults } from '../api/endpoints';
import { attemptAt, type Attempt } from '../api/once';
import { keys } from '../api/queries';
import type { Consult, Urgency } from '../api/types';
import { rememberConsult } from '../consult/useConsult';
import { useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { seconds } from './api';

const urgencies: readonly Urgency[] = ['routine', 'urgent', 'emergency', 'frozen'];

export function SecondDialog({ consult, onClose }: { consult: Consult; onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const cache = useQueryClient();
  const navigate = useNavigate();
  // Quality control asks another reader of its own centre; the requester any centre with an agreement.
  const within = me.organisation.id !== consult.requesting.id;
  const partners = useQuery({ queryKey: keys.partners, queryFn: consults.partners, enabled: !within });
  const [reading, setReading] = useState<string | null>(within ? consult.reading.id : null);
  const [urgency, setUrgency] = useState<Urgency>(consult.urgency);
  const [question, setQuestion] = useState(consult.question);
  const [shown, setShown] = useState(false);
  const attempt = useRef<Attempt | null>(null);
  const fits = (partners.data?.partners ?? []).filter(
    ({ kinds, modalities }) => kinds.includes(consult.kind) && (modalities.length === 0 || consult.study.modalities.some((one) => modalities.includes(one))),
  );
  const offered = within ? urgencies : urgencies.filter((one) => fits.find(({ organisation }) => organisation.id === reading)?.urgencies.some((u) => u.urgency === one));
  const confirm = async () => {
    if (reading === null) return;
    const first = shown ? 'shown' : 'hidden';
    const wanted = { reading_organisation: reading, urgency, question: question.trim(), first } as const;
    attempt.current = attemptAt(wanted, attempt.current);
    const asked = await seconds.ask(consult.id, consult.version, { ...wanted, once: attempt.current.once });
    rememberConsult(cache, asked);
    void cache.invalidateQueries({ queryKey: keys.seconds(consult.id) });
    void navigate(`/cases/${asked.id}`);
  };
  return (
    <ConfirmDialog
      title={t('second.askTitle')}
      consequences={[t('second.askText')]}
      confirm={t('second.send')}
      ready={reading !== null && offered.includes(urgency) && question.trim() !== ''}
      onConfirm={confirm}
      onClose={onClose}
    >
      {partners.isError && <ErrorNotice error={partners.error} onRetry={() => void partners.refetch()} />}
      {within ? (
        <Text size="sm">{t('second.within', { name: consult.reading.name })}</Text>
      ) : (
        <Select
          label={t('consult.reading')}
          required
          data={fits.map(({ organisation }) => ({ value: organisation.id, label: organisation.name }))}
          value={reading}
          onChange={setReading}
          comboboxProps={{ withinPortal: true }}
        />
      )}
      <Select
        label={t('second.urgency')}
        required
        allowDeselect={false}
        data={offered.map((value) => ({ value, label: t(`urgency.${value}`) }))}
        value={offered.includes(urgency) ? urgency : null}
        onChange={(value) => setUrgency(urgencies.find((one) => one === value) ?? urgency)}
      />
      <Textarea label={t('consult.question')} required autosize minRows={2} value={question} onChange={(event) => setQuestion(event.currentTarget.value)} />
      <Switch label={t('second.show')} description={t('second.showHint')} checked={shown} onChange={(event) => setShown(event.currentTarget.checked)} />
    </ConfirmDialog>
  );
}
