/** A signature that is waited for on the telephone: looked for while it waits, also after the page was opened again. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { consults } from '../api/endpoints';
import { keys } from '../api/queries';
import type { PhoneSignature } from '../api/types';
import { useMe } from '../session/useMe';

const refresh_ms = 1_500;

/** `onSigned` once, when it has come while somebody looked. `isKnown`: nothing waits that this page has not heard of yet. */
export function usePhoneSignature(consult: string, onSigned: () => void): { signature: PhoneSignature | null; isKnown: boolean } {
  const me = useMe();
  const cache = useQueryClient();
  const { data, isFetched } = useQuery({
    queryKey: keys.phoneSignature(consult),
    queryFn: () => consults.phoneSignature(consult),
    enabled: me.can_sign_by_phone,
    refetchInterval: ({ state }) => (state.data?.signature?.progress === 'waiting' ? refresh_ms : false),
  });
  const signature = data?.signature ?? null;
  const progress = signature?.progress;
  const before = useRef(progress);
  useEffect(() => {
    const was = before.current;
    before.current = progress;
    if (was !== 'waiting' || progress !== 'signed') return;
    void cache.invalidateQueries({ queryKey: keys.verdict(consult) });
    void cache.invalidateQueries({ queryKey: keys.consult(consult) });
    void cache.invalidateQueries({ queryKey: keys.consults });
    onSigned();
  }, [progress, consult, cache, onSigned]);
  return { signature, isKnown: isFetched || !me.can_sign_by_phone };
}
