/** The door. */
import { Anchor, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Me } from '../api/types';
import { ConnectionBar } from '../shell/ConnectionBar';
import { LanguageSwitch } from '../ui/LanguageSwitch';
import { Door } from './Door';
import { LoginForm } from './LoginForm';

export function LoginPage({ onLoggedIn }: { onLoggedIn: (me: Me) => void }) {
  const { t } = useTranslation();
  return (
    <>
      <ConnectionBar />
      <Door purpose={t('app.purpose')} title={t('login.submit')}>
        <LoginForm onLoggedIn={onLoggedIn} />
        <Group justify="space-between">
          <Anchor component={Link} to="/verify" size="sm">
            {t('login.verifyInstead')}
          </Anchor>
          <LanguageSwitch />
        </Group>
      </Door>
    </>
  );
}
