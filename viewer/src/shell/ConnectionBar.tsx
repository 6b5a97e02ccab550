/** Says that the server does not answer, and notices by itself when it does again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { isReachable, setReachable, subscribe } from '../api/connection';
import classes from './ConnectionBar.module.css';

const probe_ms = 3_000;
const answer_ms = 10_000;

export function ConnectionBar() {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const reachable = useSyncExternalStore(subscribe, isReachable);

  useEffect(() => {
    if (reachable) return;
    const timer = setInterval(() => {
      fetch('/healthz', { signal: AbortSignal.timeout(answer_ms) })
        .then(() => {
          setReachable(true);
          void cache.invalidateQueries();
        })
        .catch(() => undefined);
    }, probe_ms);
    return () => clearInterval(timer);
  }, [reachable, cache]);

  if (reachable) return null;
  return (
    <div className={classes.bar} role="alert">
      {t('app.unreachable')}
    </div>
  );
}
