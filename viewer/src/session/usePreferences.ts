/** How this person likes their pages: kept on the server, so that it comes along to another computer. */
import { useMantineColorScheme } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import { session } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Preferences } from '../api/types';

const nothing: Preferences = { theme: null, worklist_columns: [], worklist_filters: [] };

export function usePreferences(): { preferences: Preferences; change: (part: Partial<Preferences>) => void } {
  const cache = useQueryClient();
  const { data } = useQuery({ queryKey: keys.preferences, queryFn: session.preferences, staleTime: Infinity });
  const change = useCallback(
    (part: Partial<Preferences>) => {
      const next = { ...nothing, ...cache.getQueryData<Preferences>(keys.preferences), ...part };
      cache.setQueryData(keys.preferences, next);
      // A page that cannot keep a liking is still a page: here it holds until the page is left.
      void session.putPreferences(next).catch(() => undefined);
    },
    [cache],
  );
  return { preferences: data ?? nothing, change };
}

/** Colours as the person left them, wherever that was. The language is of the browser: it is there before anybody logs in. */
export function useAppearance(): void {
  const { setColorScheme } = useMantineColorScheme();
  const { theme } = usePreferences().preferences;
  useEffect(() => {
    if (theme !== null) setColorScheme(theme);
  }, [theme, setColorScheme]);
}
