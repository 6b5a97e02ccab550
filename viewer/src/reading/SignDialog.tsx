/**
 * The last look before a signature: exactly what will be signed, its hash, and what signs it: the passphrase, the telephone, or
 * a key in the signer's own hands.
 * The hash shown goes with the request; if the report has changed since, the server refuses and the new text is shown.
 */
import { Alert, Button, Checkbox, Group, Modal, PasswordInput, SegmentedControl, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../api/connection';
import { consults } from '../api/endpoints';
import { isProblem } from '../api/problem';
import { keys } from '../api/queries';
import type { Consult, KeyPlace, Me, PhoneSignature } from '../api/types';
import { rememberConsult } from '../consult/useConsult';
import { useMe } from '../session/useMe';
import { useOpensNext } from '../session/usePreferences';
import { ownCertificate } from '../signing/api';
import { unfit } from '../signing/fit';
import { OwnKeyFields } from '../signing/OwnKeyFields';
import type { OwnKey } from '../signing/ownKey';
import { signWithOwnKey } from '../signing/signWithOwnKey';
import type { Template } from '../templates/api';
import { usePreferences } from '../templates/usePreferences';
import { useWords } from '../templates/useTemplates';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { CanonicalView } from './CanonicalView';
import { KeyImages } from './KeyImages';
import { keyImagesOf } from './keyImagesOf';
import { missingNames } from './missing';
import { PhoneEnded, PhoneWaiting } from './PhoneWaiting';
import classes from './Reading.module.css';

interface Props {
  consult: Consult;
  as: 'sign' | 'review';
  flush: () => Promise<number>;
  /** Keeps the report as it is shown here until it is let go of: an image that is only now displayed behind the dialog would change it. */
  hold: () => () => void;
  /** By which the report is written. */
  template: Template | null;
  /** What is asked on the signer's telephone, or was asked last. */
  phone: PhoneSignature | null;
  onClose: () => void;
  onSigned: () => void;
}

export default function SignDialog({ consult, as, flush, hold, template, phone, onClose, onSigned }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const word = useWords();
  const me = useMe();
  const [preferences, prefer] = usePreferences(me.person.id);
  const [opensNext, setOpensNext] = useOpensNext(me);
  const waiting = phone?.progress === 'waiting' ? phone : null;
  const places = placesOf(me);
  const liked = places.find((place) => place === preferences.signsBy) ?? places[0] ?? 'keystore';
  const key = waiting !== null ? 'phone' : liked;
  const byPhone = key === 'phone';
  const byOwn = key === 'own';
  const [opened, setOpened] = useState<OwnKey | null>(null);
  const registered = useQuery({ queryKey: keys.ownCertificate, queryFn: ownCertificate.see, enabled: byOwn });
  const certificate = registered.data?.certificate ?? null;
  const signer = { name: me.person.name, organisation: me.organisation.name };
  const isOpen = opened !== null && certificate !== null && unfit(opened, signer, certificate.sha256, serverNow()) === null;
  const [passphrase, setPassphrase] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => hold(), [hold]);
  const preview = useQuery({
    queryKey: ['preview', consult.id, key],
    queryFn: async () => {
      const version = await flush();
      return { version, ...(await consults.preview(consult.id, key)) };
    },
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const sign = useMutation({
    mutationFn: async () => {
      if (preview.data === undefined) throw new Error('nothing to sign');
      const { version, canonical_sha256 } = preview.data;
      if (opened !== null && byOwn) return signWithOwnKey(opened, consult.id, as, { version, canonical_sha256 });
      return consults.sign(consult.id, as, { version, canonical_sha256, passphrase });
    },
    onSuccess: (signed) => {
      void cache.invalidateQueries({ queryKey: keys.verdict(consult.id) });
      rememberConsult(cache, signed);
      // The key that was open goes with the dialog.
      onClose();
      if (opensNext) onSigned();
    },
    onError: (error) => {
      setPassphrase('');
      field.current?.focus();
      if (isProblem(error, 'stale') || isProblem(error, 'conflict')) void preview.refetch();
    },
  });
  const ask = useMutation({
    mutationFn: async () => {
      if (preview.data === undefined) throw new Error('nothing to sign');
      const { version, canonical_sha256 } = preview.data;
      return consults.askPhone(consult.id, as, version, canonical_sha256);
    },
    onSuccess: (asked) => cache.setQueryData(keys.phoneSignature(consult.id), { signature: asked }),
    onError: (error) => {
      if (isProblem(error, 'stale') || isProblem(error, 'conflict')) void preview.refetch();
    },
  });
  const wrongPassphrase = isProblem(sign.error, 'wrong-passphrase');
  const stale = isProblem(sign.error, 'stale') || isProblem(ask.error, 'stale');
  const missing = preview.data?.missing ?? [];

  // Who has opened a key signs by Enter.
  const confirm = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isOpen) confirm.current?.focus();
  }, [isOpen]);
  const isReady = byPhone || (byOwn ? isOpen : passphrase !== '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isReady) return;
    if (byPhone) ask.mutate();
    else sign.mutate();
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
          <Text size="sm">{t(explained[key])}</Text>
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
          {places.length > 1 && waiting === null && (
            <SegmentedControl
              aria-label={t('sign.by')}
              value={key}
              data={places.map((place) => ({ value: place, label: t(`sign.key.${place}`) }))}
              onChange={(value) => {
                sign.reset();
                setOpened(null);
                prefer({ signsBy: places.find((place) => place === value) ?? 'keystore' });
              }}
            />
          )}
          {waiting !== null && <PhoneWaiting consult={consult.id} signature={waiting} />}
          {byPhone && phone !== null && <PhoneEnded signature={phone} />}
          {byOwn && registered.isError && <ErrorNotice error={registered.error} onRetry={() => void registered.refetch()} />}
          {byOwn && registered.data !== undefined && <OwnKeyFields registered={certificate} opened={opened} onOpened={setOpened} />}
          {key === 'keystore' && (
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
          )}
          <Checkbox
            size="sm"
            label={t('sign.opensNext')}
            checked={opensNext}
            onChange={(event) => setOpensNext(event.currentTarget.checked)}
          />
          {sign.isError && !byPhone && !wrongPassphrase && !stale && <ErrorNotice error={sign.error} />}
          {ask.isError && byPhone && !stale && <ErrorNotice error={ask.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.back')}
            </Button>
            {waiting === null && (
              <Button
                ref={confirm}
                type="submit"
                loading={sign.isPending || ask.isPending}
                disabled={!isReady || preview.data === undefined || preview.isFetching || missing.length > 0}
              >
                {t(byPhone ? 'sign.phone.ask' : `sign.confirm.${as}`)}
              </Button>
            )}
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const explained = { keystore: 'sign.explain', phone: 'sign.phone.explain', own: 'ownKey.explain' } as const;

/** Where the person has keys. Whoever has none is asked for a passphrase, and told. */
function placesOf(me: Me): KeyPlace[] {
  const all: [KeyPlace, boolean][] = [
    ['keystore', me.can_sign],
    ['phone', me.can_sign_by_phone],
    ['own', me.can_sign_with_own_key],
  ];
  return all.filter(([, has]) => has).map(([place]) => place);
}
