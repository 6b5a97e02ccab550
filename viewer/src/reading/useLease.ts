/** As long as the page is open, a case stays its reader's; once it is not any more, that is said. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { consults } from '../api/endpoints';
import { Problem } from '../api/problem';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';

const renew_ms = 60_000;
const soonest_ms = 1_000;

/** A third of what is left, so that two answers may be lost; once a minute at least. */
export function renewIn(until: string, now: number): number {
  return Math.min(renew_ms, Math.max(soonest_ms, (Date.parse(until) - now) / 3));
}

/** Whether the case has gone back to the pool while this page had it. */
export function useLease(consult: Consult): boolean {
  const me = useMe();
  const cache = useQueryClient();
  const reads = consult.state === 'reading' && consult.reader?.id === me.person.id;
  const [hadIt, setHadIt] = useState(reads);
  if (reads && !hadIt) setHadIt(true);

  useEffect(() => {
    if (!reads) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOpen = true;
    const again = (pause_ms: number) => {
      if (isOpen) timer = setTimeout(renew, pause_ms);
    };
    let pause_ms = renew_ms;
    const renew = () => {
      consults.renewLease(consult.id).then(
        ({ until }) => {
          pause_ms = renewIn(until, Date.now());
          again(pause_ms);
        },
        (error: unknown) => {
          if (error instanceof Problem) void cache.invalidateQueries({ queryKey: keys.consult(consult.id) });
          again(pause_ms);
        },
      );
    };
    renew();
    return () => {
      isOpen = false;
      clearTimeout(timer);
    };
  }, [reads, consult.id, cache]);

  const last = consult.timeline.at(-1);
  return hadIt && consult.state === 'accepted' && last?.by === null;
}
