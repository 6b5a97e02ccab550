/** After one case the next: first what is already mine, then what waits for anyone. */
import { useCallback } from 'react';
import { useNavigate } from 'react-router';
import { consults } from '../api/endpoints';
import type { Consult, ConsultAction, WorklistTab } from '../api/types';
import { hasRole, useMe } from '../session/useMe';
import { markOpen } from '../ui/timing';

/**
 * `go` is told which case comes next, or that there is none; without it, this page goes there. `stays`: where there is none,
 * what is on the screen stays.
 */
export function useNextCase(current: Consult, go?: (id: string | null) => void): (orElse?: 'stays') => Promise<void> {
  const me = useMe();
  const navigate = useNavigate();
  return useCallback(async (orElse?: 'stays') => {
    const places: [WorklistTab, ConsultAction][] = [
      ['mine', 'sign'],
      ...(hasRole(me, 'reviewer') ? ([['review', 'review']] as [WorklistTab, ConsultAction][]) : []),
      ['pool', 'claim'],
    ];
    for (const [tab, action] of places) {
      const { consults: rows } = await consults.list({ tab, limit: 20 });
      const next = rows.find((row) => row.id !== current.id && row.allowed.includes(action));
      if (next !== undefined) {
        markOpen();
        if (go === undefined) void navigate(`/cases/${next.id}`);
        else go(next.id);
        return;
      }
    }
    if (orElse === 'stays') return;
    if (go === undefined) void navigate('/');
    else go(null);
  }, [me, navigate, current.id, go]);
}
