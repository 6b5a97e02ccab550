/** After one case the next: this page goes there, or says why it cannot. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useEffectEvent } from 'react';
import { useNavigate } from 'react-router';
import { consults, studies } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Consult } from '../api/types';
import { useMe } from '../session/useMe';
import { fetchCase } from '../worklist/openCase';
import { asAskedAbout } from './evidence';
import { findNext, passedBy, pilesOf, type ListPage } from './nextCase';

const page = 50;
const list: ListPage = (tab, cursor) => consults.list({ tab, cursor, limit: page });

/** In this window; opened anew, it begins its round anew. */
let passed: readonly string[] = [];

export interface Next {
  /** `stays`: where there is no other case, what is on the screen stays. */
  open: (orElse?: 'stays') => void;
  /** Why the next case is not known; `null` unless that is so. */
  error: Error | null;
}

/** `go` is told which case comes next, or that there is none; without it, this page goes there. */
export function useNextCase(current: Consult, go?: (id: string | null) => void): Next {
  const me = useMe();
  const navigate = useNavigate();
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (orElse: 'stays' | 'leaves') => {
      return { orElse, next: await findNext(current.id, pilesOf(me), passedBy(passed, current.id), list) };
    },
    onSuccess: ({ orElse, next }) => {
      if (next === null && orElse === 'stays') return;
      passed = passedBy(passed, current.id);
      if (go !== undefined) return go(next?.id ?? null);
      if (next !== null) fetchCase(next);
      void navigate(next === null ? '/' : `/cases/${next.id}`);
    },
  });
  const open = useCallback(
    (orElse: 'stays' | 'leaves' = 'leaves') => {
      if (!isPending) mutate(orElse);
    },
    [isPending, mutate],
  );
  return { open, error };
}

/**
 * While a case is being signed, and nobody looks at its images, what comes next is fetched: only what is one's own already. A
 * patient whom nobody has taken on is not looked at before somebody asks to.
 */
export function useNextAhead(current: Consult, isBeingSigned: boolean): void {
  const me = useMe();
  const cache = useQueryClient();
  const fetchAhead = useEffectEvent(async () => {
    const next = await findNext(current.id, pilesOf(me), passedBy(passed, current.id), list);
    if (next === null || next.reader?.id !== me.person.id || next.slide_id !== null) return;
    const { org, study_instance_uid: uid } = next.study;
    const [consult, study, { fetchFirstImages }] = await Promise.all([
      cache.fetchQuery({ queryKey: keys.consult(next.id), queryFn: () => consults.get(next.id) }),
      cache.fetchQuery({ queryKey: keys.study(org, uid), queryFn: () => studies.get(org, uid) }),
      import('./images/firstImages'),
    ]);
    await fetchFirstImages(asAskedAbout(study, consult.left_out_series));
  });
  useEffect(() => {
    // What does not come is asked for when the case is opened.
    if (isBeingSigned) fetchAhead().catch(() => undefined);
  }, [isBeingSigned]);
}
