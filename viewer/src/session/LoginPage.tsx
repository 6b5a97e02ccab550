/** The door. */
import { Anchor, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Me } from '../api/types';
import { ConnectionBar } from '../shell/ConnectionBar';
import { LanguageSwitch } from '../ui/LanguageSwitch';
import { LoginForm } from './LoginForm';
import classes from './LoginPage.module.css';

export function LoginPage({ onLoggedIn }: { onLoggedIn: (me: Me) => void }) {
  const { t } = useTranslation();
  return (
    <>
      <ConnectionBar />
      <main className={classes.page}>
        <Paper withBorder p="xl" className={classes.card}>
          <Stack gap="lg">
            <div>
              <Title order={1} size="h2">
                {t('app.brand')}
              </Title>
              <Text c="dimmed">{t('app.purpose')}</Text>
            </div>
            <LoginForm onLoggedIn={onLoggedIn} />
            <Group justify="space-between">
              <Anchor component={Link} to="/verify" size="sm">
                {t('login.verifyInstead')}
              </Anchor>
              <LanguageSwitch />
            </Group>
          </Stack>
        </Paper>
      </main>
    </>
  );
}
