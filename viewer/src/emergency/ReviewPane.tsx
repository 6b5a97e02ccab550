/** What was opened of one's own organisation's: by whom and why, and whether that was right. */
import { Button, Group, Switch, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import { emergency, type EmergencyItem } from './api';
import classes from './Emergency.module.css';

export function ReviewPane() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: ['emergency', 'list'], queryFn: emergency.list, refetchInterval: 30_000 });
  const setting = useQuery({ queryKey: ['emergency', 'setting'], queryFn: emergency.setting });
  const set = useMutation({ mutationFn: emergency.set, onSuccess: (next) => cache.setQueryData(['emergency', 'setting'], next) });
  const [judged, setJudged] = useState<{ one: EmergencyItem; isJustified: boolean } | null>(null);
  const [note, setNote] = useState('');
  if (list.isPending || setting.isPending) return <PageSkeleton />;
  const failed = list.error ?? setting.error;
  return (
    <section className={classes.section} aria-label={t('emergency.review')}>
      <h2>{t('emergency.review')}</h2>
      {failed !== null && <ErrorNotice error={failed} />}
      <Switch
        label={t('emergency.allow')}
        description={t('emergency.allowHint')}
        checked={setting.data?.is_allowed ?? false}
        disabled={set.isPending}
        onChange={(event) => set.mutate(event.currentTarget.checked)}
      />
      {set.isError && <ErrorNotice error={set.error} />}
      {list.data?.accesses.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('emergency.none')}
        </Text>
      )}
      <ul className={classes.list}>
        {list.data?.accesses.map((one) => (
          <Line key={one.id} one={one} onJudge={(isJustified) => setJudged({ one, isJustified })} />
        ))}
      </ul>
      {judged !== null && (
        <ConfirmDialog
          title={t(judged.isJustified ? 'emergency.justified' : 'emergency.unjustified')}
          consequences={[judged.one.reason, ...(judged.isJustified || judged.one.is_ended ? [] : [t('emergency.endsNow')])]}
          confirm={t('emergency.record')}
          ready={judged.isJustified || note.trim() !== ''}
          onConfirm={async () => {
            await emergency.review(judged.one.id, judged.isJustified, note);
            setNote('');
            await cache.invalidateQueries({ queryKey: ['emergency'] });
          }}
          onClose={() => setJudged(null)}
        >
          <TextInput label={t('emergency.note')} value={note} maxLength={500} required={!judged.isJustified} onChange={(event) => setNote(event.currentTarget.value)} />
        </ConfirmDialog>
      )}
    </section>
  );
}

function Line({ one, onJudge }: { one: EmergencyItem; onJudge: (isJustified: boolean) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <li>
      <div>
        <div>
          <strong>{one.person_name}</strong> {one.organisation.name} <span className={classes.quiet}>{format.moment(one.begun_at)}</span>{' '}
          {!one.is_ended && <Chip tone="alarm">{t('emergency.until', { at: format.moment(one.until) })}</Chip>}
        </div>
        <div>{one.reason}</div>
        <div className={classes.uids}>{one.studies.join(' ')}</div>
        {one.verdict !== null && (
          <div className={classes.quiet}>
            {[t(`emergency.${one.verdict}`), one.note ?? '', one.reviewed_by ?? '', format.moment(one.reviewed_at)].filter((part) => part !== '').join(' · ')}
          </div>
        )}
      </div>
      {one.verdict === null && (
        <Group gap="xs">
          <Button size="compact-sm" variant="default" onClick={() => onJudge(true)}>
            {t('emergency.justified')}
          </Button>
          <Button size="compact-sm" variant="outline" color="red" onClick={() => onJudge(false)}>
            {t('emergency.unjustified')}
          </Button>
        </Group>
      )}
    </li>
  );
}
