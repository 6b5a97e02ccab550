/** Changes of a person's likings: each is put to what the server holds, so that none takes the place of the others. */
import type { QueryClient } from '@tanstack/react-query';
import { session } from '../api/endpoints';
import { keys } from '../api/queries';
import type { Preferences } from '../api/types';

export const noPreferences: Preferences = { theme: null, worklist_columns: [], worklist_filters: [], opens_next: null };

export const preferencesQuery = { queryKey: keys.preferences, queryFn: session.preferences, staleTime: Infinity };

/** New likings, or what makes them of those that there are. */
export type PreferenceChange = Partial<Preferences> | ((before: Preferences) => Partial<Preferences>);

/** Sends nothing while it is not known what the server holds: the whole is replaced there. */
export async function keepPreferences(cache: QueryClient, change: PreferenceChange): Promise<void> {
  const read = await cache.fetchQuery(preferencesQuery);
  // Another change may have been made while this one waited.
  const before = { ...noPreferences, ...(cache.getQueryData<Preferences>(keys.preferences) ?? read) };
  const next = { ...before, ...(typeof change === 'function' ? change(before) : change) };
  cache.setQueryData(keys.preferences, next);
  await session.putPreferences(next);
}
