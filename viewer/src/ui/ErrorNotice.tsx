/** A failed request in plain words, with a way on and the server's id for whoever is asked to help. */
import { Alert, Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Problem } from '../api/problem';
import { useProblemText } from './useProblemText';

export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const { title, detail } = useProblemText()(error);
  return (
    <Alert color="red" variant="outline" role="alert" title={title}>
      {detail !== null && <Text size="sm">{detail}</Text>}
      <Group gap="sm" mt={onRetry === undefined ? 0 : 'xs'}>
        {onRetry !== undefined && (
          <Button size="xs" variant="default" onClick={onRetry}>
            {t('common.retry')}
          </Button>
        )}
        {error instanceof Problem && error.instance !== undefined && (
          <Text size="xs" c="dimmed">
            {t('problem.id', { id: error.instance })}
          </Text>
        )}
      </Group>
    </Alert>
  );
}
