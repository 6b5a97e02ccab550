/** Says that images are still arriving, and that the question goes by itself once they have. */
import { Alert, Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** `waits`: it has been pressed, and goes by itself. */
export default function StillArriving({ waits, onStop }: { waits: boolean; onStop: () => void }) {
  const { t } = useTranslation();
  return (
    <Alert color="yellow" variant="outline" role="status" title={t('arriving.title')} data-testid="still-arriving" data-waits={waits}>
      <Group justify="space-between">
        <Text size="sm">{t(waits ? 'arriving.waits' : 'arriving.offer')}</Text>
        {waits && (
          <Button size="xs" variant="default" onClick={onStop}>
            {t('arriving.stop')}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
