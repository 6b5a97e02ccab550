/** The bookmarks on all slides that a question is about. */
import { useQueries, useQuery } from '@tanstack/react-query';
import { slides } from '../api/endpoints';
import { keys } from '../api/queries';
import { bookmarks, type Bookmark } from '../api/slideNotes';
import type { Consult } from '../api/types';
import { slidesOfCase } from './missing';

const refresh_ms = 10_000;

export function useBookmarksOfCase(consult: Consult, enabled: boolean): { slide: string; bookmark: Bookmark }[] {
  const all = useQuery({ queryKey: keys.slides, queryFn: slides.list, enabled });
  const ofCase = enabled ? slidesOfCase(consult, all.data?.slides ?? []) : [];
  const lists = useQueries({
    queries: ofCase.map(({ id }) => ({ queryKey: keys.bookmarks(id), queryFn: () => bookmarks.list(id), refetchInterval: refresh_ms })),
  });
  return ofCase.flatMap(({ id }, index) => (lists[index]?.data ?? []).map((bookmark) => ({ slide: id, bookmark })));
}
