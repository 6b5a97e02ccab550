/** A page that cannot be shown, because its part of the application could not be fetched or fell over, says so and offers a way on. */
import { Alert, Button, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  /** Another place is another try. */
  place: string;
  children: ReactNode;
}

interface State {
  failed: boolean;
}

export class PageBoundary extends Component<Props, State> {
  override state: State = { failed: false };

  static getDerivedStateFromError(): State {
    return { failed: true };
  }

  override componentDidUpdate(before: Props): void {
    if (before.place !== this.props.place && this.state.failed) this.setState({ failed: false });
  }

  override render(): ReactNode {
    return this.state.failed ? <FailedPage /> : this.props.children;
  }
}

/** Reports, opinions and requests are kept in this browser or on the server while they are typed; rules and templates are as they were last saved. */
function FailedPage() {
  const { t } = useTranslation();
  return (
    <Alert color="red" variant="outline" role="alert" title={t('app.pageFailed')} m="md">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{t('app.pageFailedHint')}</Text>
        <Button size="xs" variant="default" onClick={() => window.location.reload()}>
          {t('app.loadAgain')}
        </Button>
      </Stack>
    </Alert>
  );
}
