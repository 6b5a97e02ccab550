/**
 * The last look before a signature: exactly what will be signed, its hash, and the passphrase that signs it.
 * The hash shown goes with the request; if the report has changed since, the server refuses and the new text is shown.
 */
import { Alert, Button, Checkbox, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { consults } from '../api/endpoints';
import { isProblem } from '../api/problem';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { rememberConsult } from '../consult/useConsult';
import { useMe } from '../session/useMe';
import type { Template } from '../templates/api';
import { usePreferences } from '../templates/usePreferences';
import { useWords } from '../templates/useTemplates';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { CanonicalView } from './CanonicalView';
import { KeyImages } from './KeyImages';
import { keyImagesOf } from './keyImagesOf';
import { missingNames } from './missing';
import classes from './Reading.module.css';

interface Props {
  consult: Consult;
  as: 'sign' | 'review';
  flush: () => Promise<number>;
  /** By which the report is written. */
  template: Template | null;
  onClose: () => void;
  onSigned: () => void;
}

export default function SignDialog({ consult, as, flush, template, onClose, onSigned }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const word = useWords();
  const [preferences, prefer] = usePreferences(useMe().person.id);
  const [passphrase, setPassphrase] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const preview = useQuery({
    queryKey: ['preview', consult.id],
    queryFn: async () => {
      const version = await flush();
      return { version, ...(await consults.preview(consult.id)) };
    },
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const sign = useMutation({
    mutationFn: async () => {
      if (preview.data === undefined) throw new Error('nothing to sign');
      const { version, canonical_sha256 } = preview.data;
      return consults.sign(consult.id, as, { version, canonical_sha256, passphrase });
    },
    onSuccess: (signed) => {
      void cache.invalidateQueries({ queryKey: keys.verdict(consult.id) });
      rememberConsult(cache, signed);
      onClose();
      if (preferences.opensNext) onSigned();
    },
    onError: (error) => {
      setPassphrase('');
      field.current?.focus();
      if (isProblem(error, 'stale') || isProblem(error, 'conflict')) void preview.refetch();
    },
  });
  const wrongPassphrase = isProblem(sign.error, 'wrong-passphrase');
  const stale = isProblem(sign.error, 'stale');
  const missing = preview.data?.missing ?? [];

  const submit = (event: FormEvent) => {
    event.preventDefault();
    sign.mutate();
  };

  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={
        <Text fw={600} size="lg">
          {t(`sign.title.${as}`)}
        </Text>
      }
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{t('sign.explain')}</Text>
          {stale && (
            <Alert color="yellow" variant="outline" role="alert">
              {t('sign.stale')}
            </Alert>
          )}
          {preview.isPending && <PageSkeleton rows={4} />}
          {preview.isError && <ErrorNotice error={preview.error} onRetry={() => void preview.refetch()} />}
          {preview.data !== undefined && (
            <>
              <CanonicalView canonical={preview.data.canonical} />
              <KeyImages consult={consult} chosen={keyImagesOf(preview.data.canonical)} onChoose={null} />
              <Text size="xs" c="dimmed">
                {t('sign.hash')} <span className={classes.hash}>{preview.data.canonical_sha256}</span>
              </Text>
              {missing.length > 0 && <Text role="alert">{t('reading.missing', { what: missingNames(missing, t, template, word) })}</Text>}
            </>
          )}
          <PasswordInput
            ref={field}
            label={t('sign.passphrase')}
            autoComplete="off"
            data-autofocus
            value={passphrase}
            error={wrongPassphrase ? t('problem.wrong-passphrase') : undefined}
            visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
            onChange={(event) => setPassphrase(event.currentTarget.value)}
          />
          <Checkbox
            size="sm"
            label={t('sign.opensNext')}
            checked={preferences.opensNext}
            onChange={(event) => prefer({ opensNext: event.currentTarget.checked })}
          />
          {sign.isError && !wrongPassphrase && !stale && <ErrorNotice error={sign.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.back')}
            </Button>
            <Button
              type="submit"
              loading={sign.isPending}
              disabled={passphrase === '' || preview.data === undefined || preview.isFetching || missing.length > 0}
            >
              {t(`sign.confirm.${as}`)}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
