/** The second factor of one's own account: bind a phone, keep the recovery codes, renew them, take it off. */
import { Button, Code, Group, Image, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { secondFactor, type Enrolment } from './api';

export function SecondFactor({ onConfirmed }: { onConfirmed?: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const status = useQuery({ queryKey: keys.secondFactor, queryFn: secondFactor.status });
  const [codes, setCodes] = useState<string[] | null>(null);
  const [removing, setRemoving] = useState(false);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.secondFactor });
  const enrol = useMutation({ mutationFn: secondFactor.enrol });
  const renew = useMutation({ mutationFn: secondFactor.renewCodes, onSuccess: (made) => setCodes(made.recovery_codes), onSettled: refresh });

  if (codes !== null) {
    return (
      <RecoveryCodes
        codes={codes}
        onKept={() => {
          setCodes(null);
          onConfirmed?.();
        }}
      />
    );
  }
  if (status.data === undefined) return status.isError && <ErrorNotice error={status.error} onRetry={() => void status.refetch()} />;
  if (!status.data.is_on) {
    return (
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t(status.data.is_required ? 'factor.required' : 'factor.off')}</Text>
        {enrol.isError && <ErrorNotice error={enrol.error} />}
        {enrol.data === undefined ? (
          <Button loading={enrol.isPending} onClick={() => enrol.mutate()}>
            {t('factor.begin')}
          </Button>
        ) : (
          <Bind
            enrolment={enrol.data}
            onConfirmed={(made) => {
              enrol.reset();
              setCodes(made);
              void refresh();
            }}
          />
        )}
      </Stack>
    );
  }
  return (
    <Stack gap="sm" align="flex-start">
      <Text size="sm">{t('factor.on', { left: status.data.recovery_codes_left })}</Text>
      {renew.isError && <ErrorNotice error={renew.error} />}
      <Group gap="xs">
        <Button variant="default" loading={renew.isPending} onClick={() => renew.mutate()}>
          {t('factor.renew')}
        </Button>
        <Button variant="default" onClick={() => setRemoving(true)}>
          {t('factor.remove')}
        </Button>
      </Group>
      {removing && (
        <ConfirmDialog
          title={t('factor.remove')}
          consequences={[t('factor.removeText'), ...(status.data.is_required ? [t('factor.removeRequired')] : [])]}
          confirm={t('factor.remove')}
          final
          onConfirm={async () => {
            await secondFactor.remove();
            await refresh();
            await cache.invalidateQueries({ queryKey: keys.me });
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </Stack>
  );
}

function Bind({ enrolment, onConfirmed }: { enrolment: Enrolment; onConfirmed: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const [code, setCode] = useState('');
  const confirm = useMutation({ mutationFn: () => secondFactor.confirm(code), onSuccess: (made) => onConfirmed(made.recovery_codes) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t('factor.scan')}</Text>
        <Image src={`data:image/svg+xml;utf8,${encodeURIComponent(enrolment.qr_svg)}`} alt={t('factor.qr')} w={220} h={220} />
        <Text size="sm">
          {t('factor.typed')} <Code>{enrolment.secret}</Code>
        </Text>
        <TextInput
          label={t('factor.code')}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={7}
          required
          withAsterisk={false}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {confirm.isError && <ErrorNotice error={confirm.error} />}
        <Button type="submit" loading={confirm.isPending}>
          {t('factor.confirm')}
        </Button>
      </Stack>
    </form>
  );
}

function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" align="flex-start">
      <Title order={3} size="h4">
        {t('factor.codes')}
      </Title>
      <Text size="sm">{t('factor.codesText')}</Text>
      <SimpleGrid cols={2} spacing="xs" aria-label={t('factor.codes')}>
        {codes.map((code) => (
          <Code key={code}>{code}</Code>
        ))}
      </SimpleGrid>
      <Button onClick={onKept}>{t('factor.kept')}</Button>
    </Stack>
  );
}
