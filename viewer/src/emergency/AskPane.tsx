/** Opening the studies of one patient: what will happen is said before; what was opened stands below. */
import { Button, Group, SegmentedControl, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import { emergency, type NamedBy } from './api';
import classes from './Emergency.module.css';

const reasonCharsMin = 10;

export function AskPane() {
  const { t } = useTranslation();
  const format = useFormat();
  const cache = useQueryClient();
  const hospitals = useQuery({ queryKey: ['emergency', 'hospitals'], queryFn: emergency.hospitals });
  const mine = useQuery({ queryKey: ['emergency', 'mine'], queryFn: emergency.mine });
  const [organisation, setOrganisation] = useState<string | null>(null);
  const [by, setBy] = useState<NamedBy>('patient_id');
  const [number, setNumber] = useState('');
  const [reason, setReason] = useState('');
  const open = useMutation({
    mutationFn: () => emergency.open({ organisation: organisation ?? '', by, number, reason }),
    onSuccess: () => {
      setNumber('');
      setReason('');
      return cache.invalidateQueries({ queryKey: ['emergency'] });
    },
  });
  const ready = organisation !== null && number.trim() !== '' && [...reason.trim()].length >= reasonCharsMin;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && !open.isPending) open.mutate();
  };
  const nowhere = hospitals.data?.organisations.length === 0;
  return (
    <>
      <form className={classes.section} onSubmit={submit} aria-label={t('emergency.ask')}>
        <h2>{t('emergency.ask')}</h2>
        <Text size="sm">{t(nowhere ? 'emergency.nowhere' : 'emergency.effect')}</Text>
        {!nowhere && (
          <Stack gap="sm" maw={560}>
            <Select
              label={t('emergency.hospital')}
              data={(hospitals.data?.organisations ?? []).map(({ id, name }) => ({ value: id, label: name }))}
              value={organisation}
              onChange={setOrganisation}
            />
            <Group align="flex-end" gap="sm">
              <SegmentedControl
                aria-label={t('emergency.by')}
                value={by}
                onChange={(next) => setBy(next === 'accession' ? 'accession' : 'patient_id')}
                data={(['patient_id', 'accession'] as const).map((value) => ({ value, label: t(`emergency.named.${value}`) }))}
              />
              <TextInput flex={1} label={t('emergency.number')} value={number} maxLength={64} onChange={(event) => setNumber(event.currentTarget.value)} />
            </Group>
            <Textarea label={t('emergency.reason')} value={reason} maxLength={500} autosize minRows={2} onChange={(event) => setReason(event.currentTarget.value)} />
            {open.isError && <ErrorNotice error={open.error} />}
            <Group>
              <Button type="submit" color="red" variant="outline" disabled={!ready} loading={open.isPending}>
                {t('emergency.open')}
              </Button>
            </Group>
          </Stack>
        )}
      </form>
      {mine.isError && <ErrorNotice error={mine.error} />}
      {mine.data !== undefined && mine.data.accesses.length > 0 && (
        <section className={classes.section} aria-label={t('emergency.mine')}>
          <h2>{t('emergency.mine')}</h2>
          <ul className={classes.list}>
            {mine.data.accesses.map((one) => (
              <li key={one.id}>
                <div>
                  <strong>{one.owner.name}</strong> <span className={classes.quiet}>{format.moment(one.begun_at)}</span> {one.reason}
                </div>
                {one.is_ended ? (
                  <span className={classes.quiet}>{t('emergency.ended')}</span>
                ) : (
                  <Group gap="xs">
                    <span>{t('emergency.until', { at: format.moment(one.until) })}</span>
                    {one.studies.map((study, at) => (
                      <Button key={study} size="compact-sm" variant="default" component={Link} to={`/studies/${one.owner.id}/${study}`}>
                        {t('emergency.study', { n: at + 1 })}
                      </Button>
                    ))}
                  </Group>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
