/** Files that may be of the question did not come: it does not go before somebody has said what becomes of them. */
import { Alert, Anchor, Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { failedCount, type OwnFiles } from './ownFiles';
import { doWithout, sendAgain } from './useArriving';

interface Props {
  own: OwnFiles;
  /** It was sent, and waited for them. */
  waits: boolean;
  onGoWithout: () => void;
}

export default function NotArrived({ own, waits, onGoWithout }: Props) {
  const { t } = useTranslation();
  const large = own.failed.transfers.length;
  return (
    <Alert color="red" variant="outline" role="alert" tabIndex={-1} title={t('arriving.failed', { n: failedCount(own) })} data-testid="not-arrived">
      <Group justify="space-between">
        <Text size="sm">
          {t(waits ? 'arriving.failedWaits' : 'arriving.failedHint')}{' '}
          {large > 0 && (
            <Anchor component={Link} to="/uploads">
              {t('arriving.failedElsewhere', { n: large })}
            </Anchor>
          )}
        </Text>
        <Group gap="xs">
          <Button size="xs" onClick={() => sendAgain(own)}>
            {t('upload.retry')}
          </Button>
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              doWithout(own);
              onGoWithout();
            }}
          >
            {t('arriving.goWithout')}
          </Button>
        </Group>
      </Group>
    </Alert>
  );
}
