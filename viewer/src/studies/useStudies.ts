/** The studies that match one box and two filters. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { studies, type StudyFilter } from '../api/endpoints';
import { keys } from '../api/queries';
import { dicomDay } from '../ui/dicomText';

export const periods = ['any', 'today', 'week', 'month'] as const;
export type Period = (typeof periods)[number];

const daysBack: Record<Period, number | null> = { any: null, today: 0, week: 6, month: 30 };

export function since(period: Period): string | undefined {
  const days = daysBack[period];
  return days === null ? undefined : dicomDay(days);
}

export function useStudies(filter: StudyFilter) {
  return useQuery({
    queryKey: [...keys.studies, filter],
    queryFn: ({ signal }) => studies.list(filter, signal),
    placeholderData: keepPreviousData,
  });
}
