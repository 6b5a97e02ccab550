/** What is known of corrections, and what must be asked anew after one. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { corrections } from '../api/endpoints';
import { keys } from '../api/queries';

const page = 200;

export function useHistory(study?: string) {
  return useQuery({ queryKey: [...keys.corrections, study ?? ''], queryFn: () => corrections.list(study, page) });
}

export function useHidden(study?: string) {
  return useQuery({ queryKey: [...keys.hidden, study ?? ''], queryFn: () => corrections.hidden(study) });
}

/** A correction changes what lists, studies and slides show. */
export function useRefresh(): () => Promise<void> {
  const cache = useQueryClient();
  return useCallback(async () => {
    const stale = [keys.corrections, keys.hidden, keys.studies, keys.slides, ['study'], ['slide'], ['naming'], ['instances']];
    await Promise.all(stale.map((queryKey) => cache.invalidateQueries({ queryKey })));
  }, [cache]);
}
