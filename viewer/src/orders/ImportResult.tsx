/** What became of a file of orders. */
import { Alert, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { OrdersImported } from '../api/types';

export function ImportResult({ result, onClose }: { result: OrdersImported; onClose: () => void }) {
  const { t } = useTranslation();
  const { placed, changed, refused } = result;
  return (
    <Alert
      variant="outline"
      color={refused.length > 0 ? 'yellow' : 'teal'}
      m="sm"
      role="status"
      withCloseButton
      closeButtonLabel={t('common.close')}
      onClose={onClose}
      title={t('orders.imported', { placed, changed, refused: refused.length })}
    >
      <Stack gap={2}>
        {refused.slice(0, 20).map(({ position, field, code }) => (
          <Text key={position} size="sm">
            {t('orders.refused', { position, field, why: t(`orders.fault.${code}`) })}
          </Text>
        ))}
      </Stack>
    </Alert>
  );
}
