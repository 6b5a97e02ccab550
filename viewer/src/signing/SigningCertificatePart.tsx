/** The certificate of the key in one's own hands: registered with the file that has it, shown, removed. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../api/connection';
import { keys } from '../api/queries';
import { useMe } from '../session/useMe';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { useFormat } from '../ui/useFormat';
import { ownCertificate } from './api';
import { toBase64 } from './der';
import { unfit } from './fit';
import type { OwnKey } from './ownKey';
import { CertificateLines, OwnKeyFields } from './OwnKeyFields';

export function SigningCertificatePart() {
  const { t } = useTranslation();
  const format = useFormat();
  const me = useMe();
  const cache = useQueryClient();
  const own = useQuery({ queryKey: keys.ownCertificate, queryFn: ownCertificate.see });
  const [opened, setOpened] = useState<OwnKey | null>(null);
  const [isReplacing, setReplacing] = useState(false);
  const [isRemoving, setRemoving] = useState(false);
  const refresh = async () => {
    await cache.invalidateQueries({ queryKey: keys.ownCertificate });
    await cache.invalidateQueries({ queryKey: keys.me });
  };
  const register = useMutation({
    // Certificates alone: the key stays in this page.
    mutationFn: (key: OwnKey) => ownCertificate.register(key.chain.map(toBase64)),
    onSuccess: async () => {
      setOpened(null);
      setReplacing(false);
      await refresh();
    },
  });
  if (own.data === undefined) return own.isError && <ErrorNotice error={own.error} onRetry={() => void own.refetch()} />;
  const { certificate } = own.data;
  const isUsable =
    opened !== null && unfit(opened, { name: me.person.name, organisation: me.organisation.name }, null, serverNow()) === null;
  return (
    <Stack gap="sm" maw={560}>
      {certificate !== null && (
        <>
          <CertificateLines
            name={certificate.name}
            issuer={certificate.issuer}
            until={certificate.not_after === null ? '' : format.moment(certificate.not_after)}
          />
          <Group gap="sm">
            {!isReplacing && (
              <Button variant="default" onClick={() => setReplacing(true)}>
                {t('ownKey.replace')}
              </Button>
            )}
            <Button variant="default" onClick={() => setRemoving(true)}>
              {t('ownKey.remove')}
            </Button>
          </Group>
        </>
      )}
      {(certificate === null || isReplacing) && (
        <>
          <OwnKeyFields registered={null} opened={opened} onOpened={setOpened} />
          {register.isError && <ErrorNotice error={register.error} />}
          {opened !== null && (
            <Group>
              <Button disabled={!isUsable} loading={register.isPending} onClick={() => register.mutate(opened)}>
                {t('ownKey.register')}
              </Button>
            </Group>
          )}
        </>
      )}
      {certificate === null && <Text size="sm">{t('ownKey.none')}</Text>}
      {isRemoving && (
        <ConfirmDialog
          title={t('ownKey.removeTitle')}
          consequences={[t('ownKey.removeText')]}
          confirm={t('ownKey.remove')}
          final
          onConfirm={async () => {
            await ownCertificate.forget();
            await refresh();
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </Stack>
  );
}
