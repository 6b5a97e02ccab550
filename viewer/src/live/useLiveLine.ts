/** Keeps pages fresh: by the live line while it is up, by asking again while it is not. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { apiRoot, relogin } from '../api/client';
import { LiveLine } from './LiveLine';
import { staleAfter, whileDown } from './stale';
import { lineState, setLineState, subscribeLine } from './state';

const poll_ms = 15_000;
/** Events that come together make pages ask once. */
const gather_ms = 100;

function open(after: number | null): WebSocket {
  const address = new URL(`${apiRoot}/live`, window.location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  if (after !== null) address.searchParams.set('after', String(after));
  return new WebSocket(address);
}

export function useLiveLine(): void {
  const cache = useQueryClient();
  const state = useSyncExternalStore(subscribeLine, lineState);

  useEffect(() => {
    const stale = new Map<string, readonly unknown[]>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      stale.forEach((queryKey) => void cache.invalidateQueries({ queryKey }));
      stale.clear();
    };
    const line = new LiveLine({
      open,
      onChange: (message) => {
        staleAfter(message).forEach((key) => stale.set(JSON.stringify(key), key));
        timer ??= setTimeout(refresh, gather_ms);
      },
      onState: setLineState,
      onSessionEnded: relogin,
      random: Math.random,
    });
    const hurry = () => line.hurry();
    const onVisible = () => {
      if (document.visibilityState === 'visible') hurry();
    };
    line.start();
    window.addEventListener('online', hurry);
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      clearTimeout(timer);
      window.removeEventListener('online', hurry);
      document.removeEventListener('visibilitychange', onVisible);
      line.stop();
    };
  }, [cache]);

  useEffect(() => {
    if (state !== 'down') return;
    const timer = setInterval(() => whileDown.forEach((queryKey) => void cache.invalidateQueries({ queryKey })), poll_ms);
    return () => clearInterval(timer);
  }, [state, cache]);
}
