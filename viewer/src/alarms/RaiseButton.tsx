/** Raising a critical finding, at any moment, before or after the report. */
import { Autocomplete, Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { attemptAt, type Attempt } from '../api/once';
import type { Consult } from '../api/types';
import { hasRole, useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { TimeField, momentOf } from './TimeField';
import { useRaise, useRules } from './useCritical';

export function RaiseButton({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const me = useMe();
  const [raising, setRaising] = useState(false);
  if (me.organisation.id !== consult.reading.id || !hasRole(me, 'reader', 'reviewer')) return null;
  return (
    <>
      <Button variant="outline" color="red" onClick={() => setRaising(true)}>
        {t('critical.name')}
      </Button>
      {raising && <RaiseDialog consult={consult} onClose={() => setRaising(false)} />}
    </>
  );
}

function RaiseDialog({ consult, onClose }: { consult: Consult; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const rules = useRules(true);
  const raise = useRaise(consult.id);
  const [item, setItem] = useState('');
  const [words, setWords] = useState('');
  const [foundAt, setFoundAt] = useState('');
  const attempt = useRef<Attempt | null>(null);
  const names = (rules.data?.items ?? []).map(({ name, name_en }) => (i18n.language === 'en' && name_en !== '' ? `${name} ${name_en}` : name));
  const finding = [item.trim(), words.trim()].filter((part) => part !== '').join('\n');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (finding === '' || raise.isPending) return;
    const found = { finding, found_at: momentOf(foundAt) ?? null };
    attempt.current = attemptAt(found, attempt.current);
    raise.mutate({ ...found, once: attempt.current.once }, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} closeOnClickOutside={false} closeOnEscape={false} title={t('critical.raiseTitle')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{t('critical.raiseText', { name: consult.patient_name, hospital: consult.requesting.name })}</Text>
          <Autocomplete label={t('critical.item')} placeholder={t('critical.itemHint')} data={[...new Set(names)]} value={item} onChange={setItem} data-autofocus />
          <Textarea label={t('critical.details')} autosize minRows={2} maxRows={8} value={words} onChange={(event) => setWords(event.currentTarget.value)} />
          <TimeField label={t('critical.field.foundAt')} value={foundAt} onChange={setFoundAt} />
          {rules.isError && <ErrorNotice error={rules.error} onRetry={() => void rules.refetch()} />}
          {raise.isError && <ErrorNotice error={raise.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.back')}
            </Button>
            <Button type="submit" color="red" disabled={finding === ''} loading={raise.isPending}>
              {t('critical.raise')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
