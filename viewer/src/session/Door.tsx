/** The card that one stands before who is not in yet. */
import { Paper, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useTitle } from '../ui/useTitle';
import classes from './LoginPage.module.css';

export function Door({ purpose, title = purpose, children }: { purpose: string; title?: string; children: ReactNode }) {
  const { t } = useTranslation();
  useTitle(title);
  return (
    <main className={classes.page}>
      <Paper withBorder p="xl" className={classes.card}>
        <Stack gap="lg">
          <div>
            <Title order={1} size="h2">
              {t('app.brand')}
            </Title>
            <Text c="dimmed">{purpose}</Text>
          </div>
          {children}
        </Stack>
      </Paper>
    </main>
  );
}
