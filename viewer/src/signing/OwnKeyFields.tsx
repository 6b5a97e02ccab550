/** The file with one's key and its passphrase, opened in this page; and what is in it. Nothing of either is sent anywhere. */
import { Alert, Button, FileInput, Group, PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../api/connection';
import { useMe } from '../session/useMe';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import type { SigningCertificate } from './api';
import { CannotOpen } from './cannotOpen';
import { unfit } from './fit';
import { canSign, openOwnKey, type OwnKey } from './ownKey';
import classes from './Signing.module.css';

interface Props {
  /** The certificate that counts; `null` while it is being chosen. */
  registered: SigningCertificate | null;
  opened: OwnKey | null;
  onOpened: (key: OwnKey | null) => void;
}

export function OwnKeyFields({ registered, opened, onOpened }: Props) {
  const { t } = useTranslation();
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const open = useMutation({
    mutationFn: async (chosen: File) => openOwnKey(new Uint8Array(await chosen.arrayBuffer()), passphrase),
    onSuccess: onOpened,
    onError: () => field.current?.select(),
    onSettled: () => setPassphrase(''),
  });
  const fault = open.error instanceof CannotOpen ? open.error.fault : null;
  const forget = () => {
    open.reset();
    onOpened(null);
  };

  if (!canSign()) {
    return (
      <Alert color="yellow" variant="outline" role="alert">
        {t('ownKey.cannot.insecurePage')}
      </Alert>
    );
  }
  if (opened !== null) return <Opened opened={opened} registered={registered} onOther={forget} />;
  const start = () => {
    if (file !== null) open.mutate(file);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
    // The dialog's own form signs: that is the next step.
    event.preventDefault();
    start();
  };
  return (
    <Stack gap="sm">
      <FileInput
        label={t('ownKey.file')}
        description={t('ownKey.stays')}
        placeholder={t('ownKey.choose')}
        accept=".p12,.pfx,application/x-pkcs12"
        data-autofocus
        value={file}
        onChange={(chosen) => {
          setFile(chosen);
          open.reset();
          field.current?.focus();
        }}
      />
      <Group gap="sm" align="flex-end" wrap="nowrap">
        <PasswordInput
          ref={field}
          className={classes.grows}
          label={t('ownKey.passphrase')}
          autoComplete="off"
          value={passphrase}
          visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
          onChange={(event) => setPassphrase(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <Button variant="default" disabled={file === null} loading={open.isPending} onClick={start}>
          {t('ownKey.open')}
        </Button>
      </Group>
      {fault !== null && (
        <Alert color="yellow" variant="outline" role="alert">
          {t(`ownKey.cannot.${fault}`)}
        </Alert>
      )}
      {open.isError && fault === null && <ErrorNotice error={open.error} />}
    </Stack>
  );
}

function Opened({ opened, registered, onOther }: { opened: OwnKey; registered: SigningCertificate | null; onOther: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const me = useMe();
  const { certificate } = opened;
  const fault = unfit(opened, { name: me.person.name, organisation: me.organisation.name }, registered?.sha256 ?? null, serverNow());
  return (
    <Stack gap="xs" className={classes.opened} data-testid="own-key">
      <CertificateLines
        name={`${certificate.name} · ${certificate.organisation}`}
        issuer={certificate.issuer}
        until={format.moment(new Date(certificate.notAfter).toISOString())}
      />
      {fault === null && registered !== null && <Text size="sm">{t('ownKey.fits')}</Text>}
      {fault !== null && (
        <Alert color="yellow" variant="outline" role="alert">
          {t(`ownKey.unfit.${fault}`, {
            name: me.person.name,
            organisation: me.organisation.name,
            issuer: registered?.issuer ?? '',
            until: registered?.not_after == null ? '' : format.moment(registered.not_after),
          })}
        </Alert>
      )}
      <Group>
        <Button size="xs" variant="default" onClick={onOther}>
          {t('ownKey.other')}
        </Button>
      </Group>
    </Stack>
  );
}

/** Of whom a certificate is, by whom, until when. */
export function CertificateLines({ name, issuer, until }: { name: string; issuer: string; until: string }) {
  const { t } = useTranslation();
  return (
    <dl className={classes.lines}>
      <dt>{t('ownKey.holder')}</dt>
      <dd>{name}</dd>
      <dt>{t('ownKey.issuer')}</dt>
      <dd>{issuer}</dd>
      <dt>{t('ownKey.until')}</dt>
      <dd>{until}</dd>
    </dl>
  );
}
