/** As long as the page is open, a case stays its reader's; once it is not any more, that is said. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { consults } from '../api/endpoints';
import { Problem } from '../api/problem';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';

const renew_ms = 60_000;

/** Whether the case has gone back to the pool while this page had it. */
export function useLease(consult: Consult): boolean {
  const me = useMe();
  const cache = useQueryClient();
  const reads = consult.state === 'reading' && consult.reader?.id === me.person.id;
  const [hadIt, setHadIt] = useState(reads);
  if (reads && !hadIt) setHadIt(true);

  useEffect(() => {
    if (!reads) return;
    const renew = () => {
      consults.renewLease(consult.id).catch((error: unknown) => {
        if (error instanceof Problem) void cache.invalidateQueries({ queryKey: keys.consult(consult.id) });
      });
    };
    renew();
    const timer = setInterval(renew, renew_ms);
    return () => clearInterval(timer);
  }, [reads, consult.id, cache]);

  const last = consult.timeline.at(-1);
  return hadIt && consult.state === 'accepted' && last?.by === null;
}
