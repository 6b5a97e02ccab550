/**
 * Nothing behind this gate is shown without a session. When the session runs out in the middle of work,
 * a login dialog opens over the page, the page stays as it is, and the requests that were refused go again.
 */
import { Modal, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, useEffect, useEffectEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Outlet } from 'react-router';
import { onSessionExpired } from '../api/client';
import { session } from '../api/endpoints';
import { isProblem } from '../api/problem';
import { keys } from '../api/queries';
import type { Me } from '../api/types';
import { withLaterWords } from '../i18n';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { account } from './api';
import { LoginForm } from './LoginForm';
import { LoginPage } from './LoginPage';
import { OtherOrganisationDialog } from './OtherOrganisationDialog';
import { ProofDialog } from './ProofDialog';
import { MeContext } from './useMe';

const MustEnrolPage = lazy(() => withLaterWords(import('./MustEnrolPage')).then(({ MustEnrolPage: page }) => ({ default: page })));

export function SessionGate() {
  const cache = useQueryClient();
  const me = useQuery({ queryKey: keys.me, queryFn: session.me, staleTime: Infinity });
  const enter = (person: Me) => cache.setQueryData(keys.me, person);

  if (isProblem(me.error, 'unauthenticated') && me.data === undefined) return <LoginPage onLoggedIn={enter} />;
  if (me.isError && me.data === undefined) return <ErrorNotice error={me.error} onRetry={() => void me.refetch()} />;
  if (me.data === undefined) return <PageSkeleton />;
  if (me.data.must_enrol_second_factor) return <MustEnrolPage />;
  return (
    <MeContext value={me.data}>
      <Outlet />
      <LapsedSessionDialog me={me.data} />
      <ProofDialog />
      <OtherOrganisationDialog me={me.data} />
    </MeContext>
  );
}

/** Requests that met a 401 wait in `waiting` until the same person has logged in again. */
function LapsedSessionDialog({ me }: { me: Me }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const waiting = useRef<(() => void)[]>([]);
  const isAsking = useRef(false);
  const goOn = () => {
    setOpen(false);
    waiting.current.splice(0).forEach((each) => each());
  };

  // A refusal may come late: of a request that was sent before the person had logged in again, here or in another tab.
  const askUnlessBack = useEffectEvent(async () => {
    if (isAsking.current) return;
    isAsking.current = true;
    const now = await session.me().catch(() => null);
    isAsking.current = false;
    if (now?.person.id === me.person.id && now.organisation.id === me.organisation.id) goOn();
    else setOpen(true);
  });

  useEffect(() => {
    onSessionExpired(
      () =>
        new Promise((resolve) => {
          waiting.current.push(resolve);
          void askUnlessBack();
        }),
    );
    return () => onSessionExpired(null);
  }, []);

  const resume = (person: Me) => {
    // Another person must not go on with somebody else's page.
    if (person.person.id !== me.person.id) {
      window.location.assign('/');
      return;
    }
    goOn();
  };
  const enter = async (person: Me) => {
    // A new session acts for one's own organisation; the page goes on for the one that it is of, or not at all.
    if (person.person.id === me.person.id && person.organisation.id !== me.organisation.id) {
      try {
        await account.actFor(me.organisation.id);
      } catch {
        window.location.assign('/');
        return;
      }
    }
    resume(person);
  };

  return (
    <Modal opened={open} onClose={() => undefined} withCloseButton={false} title={t('login.lapsed.title')} centered>
      <Stack gap="sm">
        <Text size="sm">{t('login.lapsed.text')}</Text>
        <LoginForm initialLogin={me.person.login} onLoggedIn={(person) => void enter(person)} />
      </Stack>
    </Modal>
  );
}
