/** Who signed, when, with which certificate. */
import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Verdict } from '../api/types';
import { useFormat } from '../ui/useFormat';

const known = ['reader', 'reviewer'] as const;

export function SignerList({ signers }: { signers: Verdict['signers'] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const roleName = (role: string) => {
    const name = known.find((one) => one === role);
    return name === undefined ? role : t(`report.role.${name}`);
  };
  return (
    <Stack gap="xs">
      {signers.map((signer, index) => (
        <div key={index}>
          <Text size="sm" fw={600}>
            {roleName(signer.role)} {signer.name}
          </Text>
          <Text size="xs" c="dimmed">
            {signer.organisation} · {t(signer.time_stamped ? 'verify.timeStamped' : 'verify.claimed', { at: format.moment(signer.signed_at) })}
          </Text>
          <Text size="xs" c="dimmed">
            {signer.certificate_subject}
          </Text>
          {signer.key !== undefined && (
            <Text size="xs" c="dimmed">
              {t(`verify.key.${signer.key}`)}
            </Text>
          )}
          {signer.test_certificate && <Text size="xs">{t('verdict.testCertificate')}</Text>}
        </div>
      ))}
    </Stack>
  );
}
