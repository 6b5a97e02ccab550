/** Why a file was not taken, and what to do. */
import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Refusal } from './api';

export function RefusalWords({ refusal }: { refusal: Refusal }) {
  const { t } = useTranslation();
  return (
    <Text size="sm" c="red">
      {t(`transfer.refusal.${refusal.why}`)}
      {refusal.detail !== '' && (
        <Text span size="xs" c="dimmed" lang="en">
          {` ${refusal.detail}`}
        </Text>
      )}
    </Text>
  );
}
