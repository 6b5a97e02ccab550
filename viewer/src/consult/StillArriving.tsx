/** Says that images are still arriving, and that the question goes by itself once they have. */
import { Alert, Anchor, Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { OwnFiles } from './ownFiles';

interface Props {
  own: OwnFiles;
  /** It has been sent, and goes by itself. */
  waits: boolean;
  onStop: () => void;
  /** Sends it without waiting, where only files of this page are waited for. */
  onGo: (() => void) | null;
}

export default function StillArriving({ own, waits, onStop, onGo }: Props) {
  const { t } = useTranslation();
  return (
    <Alert color="yellow" variant="outline" role="status" title={t('arriving.title')} data-testid="still-arriving" data-waits={waits}>
      {own.coming > 0 && (
        <Text size="sm">
          {t('arriving.own', { n: own.coming })}{' '}
          {own.elsewhere > 0 && (
            <Anchor component={Link} to="/uploads">
              {t('transfer.elsewhere', { n: own.elsewhere })}
            </Anchor>
          )}
        </Text>
      )}
      <Group justify="space-between">
        <Text size="sm">{t(waits ? 'arriving.waits' : 'arriving.offer')}</Text>
        <Group gap="xs">
          {onGo !== null && (
            <Button size="xs" variant="default" onClick={onGo}>
              {t('arriving.go')}
            </Button>
          )}
          {waits && (
            <Button size="xs" variant="default" onClick={onStop}>
              {t('arriving.stop')}
            </Button>
          )}
        </Group>
      </Group>
    </Alert>
  );
}
