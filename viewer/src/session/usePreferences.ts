/** How this person likes their pages: kept on the server, so that it comes along to another computer. */
import { useMantineColorScheme } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import type { Preferences } from '../api/types';
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

/** Colours as the person left them, wherever that was. The language is of the browser: it is there before anybody logs in. */
export function useAppearance(): void {
  const { setColorScheme } = useMantineColorScheme();
  const { theme } = usePreferences().preferences;
  useEffect(() => {
    if (theme !== null) setColorScheme(theme);
  }, [theme, setColorScheme]);
}
