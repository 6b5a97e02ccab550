/** For whose role takes a second factor and who has none: nothing else is open until it is bound. */
import { Button, Group, Text, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { session } from '../api/endpoints';
import { keys } from '../api/queries';
import { LanguageSwitch } from '../ui/LanguageSwitch';
import { Door } from './Door';
import { ProofDialog } from './ProofDialog';
import { Passkeys } from './Passkeys';
import { SecondFactor } from './SecondFactor';

export function MustEnrolPage() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const leave = async () => {
    await session.logOut();
    window.location.assign('/');
  };
  return (
    <Door purpose={t('factor.title')}>
      <SecondFactor onConfirmed={() => void cache.invalidateQueries({ queryKey: keys.me })} />
      <div>
        <Title order={2} size="h4">
          {t('passkeys.title')}
        </Title>
        <Text size="sm" c="dimmed" mb="sm">
          {t('passkeys.instead')}
        </Text>
        <Passkeys onRegistered={() => void cache.invalidateQueries({ queryKey: keys.me })} />
      </div>
      <Group justify="space-between">
        <Button variant="default" size="xs" onClick={() => void leave()}>
          {t('person.logOut')}
        </Button>
        <LanguageSwitch />
      </Group>
      <ProofDialog />
    </Door>
  );
}
