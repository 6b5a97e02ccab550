/** How this person likes their pages: kept on the server, so that it comes along to another computer. */
import { useMantineColorScheme } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import type { Me, Preferences } from '../api/types';
import { hasRole } from './useMe';
import { keepPreferences, noPreferences, preferencesQuery, type PreferenceChange } from './keepPreferences';

export function usePreferences(): { preferences: Preferences; change: (what: PreferenceChange) => void } {
  const cache = useQueryClient();
  const { data } = useQuery(preferencesQuery);
  const change = useCallback(
    // A page that cannot keep a liking is still a page.
    (what: PreferenceChange) => void keepPreferences(cache, what).catch(() => undefined),
    [cache],
  );
  return { preferences: data ?? noPreferences, change };
}

/** Whether the next case opens by itself after signing: as the person likes it, or for whoever reads case after case. */
export function useOpensNext(me: Me): [boolean, (opens: boolean) => void] {
  const { preferences, change } = usePreferences();
  return [preferences.opens_next ?? hasRole(me, 'reader', 'reviewer'), (opens_next) => change({ opens_next })];
}

/** Colours as the person left them, wherever that was. The language is of the browser: it is there before anybody logs in. */
export function useAppearance(): void {
  const { setColorScheme } = useMantineColorScheme();
  const { theme } = usePreferences().preferences;
  useEffect(() => {
    if (theme !== null) setColorScheme(theme);
  }, [theme, setColorScheme]);
}
