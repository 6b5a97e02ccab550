/** The names under which answers are cached, so that one place's change refreshes another's view. */
import { QueryClient } from '@tanstack/react-query';
import { isWorthRetrying } from './client';

export const keys = {
  me: ['me'] as const,
  studies: ['studies'] as const,
  study: (org: string, uid: string) => ['study', org, uid] as const,
  slides: ['slides'] as const,
  slide: (id: string) => ['slide', id] as const,
  consults: ['consults'] as const,
  consult: (id: string) => ['consult', id] as const,
  verdict: (id: string) => ['verdict', id] as const,
  partners: ['partners'] as const,
  audit: ['audit'] as const,
};

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (attempt, error) => attempt < 3 && isWorthRetrying(error),
      networkMode: 'always',
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});
