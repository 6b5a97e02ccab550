/** The names under which answers are cached, so that one place's change refreshes another's view. */
import { QueryClient } from '@tanstack/react-query';
import { isWorthRetrying } from './client';

export const keys = {
  me: ['me'] as const,
  preferences: ['preferences'] as const,
  studies: ['studies'] as const,
  study: (org: string, uid: string) => ['study', org, uid] as const,
  slides: ['slides'] as const,
  slide: (id: string) => ['slide', id] as const,
  bookmarks: (slide: string) => ['bookmarks', slide] as const,
  seen: (slide: string) => ['seen', slide] as const,
  levelInstances: (slide: string, level: number, layer: string) => ['slide', slide, 'instances', level, layer] as const,
  slideProfile: (id: string) => ['slide', id, 'icc'] as const,
  consults: ['consults'] as const,
  consult: (id: string) => ['consult', id] as const,
  lateImages: (id: string) => ['late-images', id] as const,
  candidates: (id: string) => ['candidates', id] as const,
  critical: ['critical'] as const,
  messages: (consult: string) => ['messages', consult] as const,
  unreadMessages: ['unread-messages'] as const,
  notices: ['notices'] as const,
  verdict: (id: string) => ['verdict', id] as const,
  statistics: (by: string, from: string, until: string) => ['statistics', by, from, until] as const,
  partners: ['partners'] as const,
  audit: ['audit'] as const,
  people: ['people'] as const,
  organisations: ['organisations'] as const,
  agreements: ['agreements'] as const,
  tokens: ['tokens'] as const,
  sessions: ['sessions'] as const,
  secondFactor: ['second-factor'] as const,
  devices: ['devices'] as const,
  rules: ['rules'] as const,
  queue: ['queue'] as const,
  deliveries: (consult: string) => ['deliveries', consult] as const,
  returnRoutes: ['return-routes'] as const,
  undelivered: ['undelivered'] as const,
  orders: ['orders'] as const,
  modalityWorklist: ['modality-worklist'] as const,
  corrections: ['corrections'] as const,
  hidden: ['hidden'] as const,
  naming: (study: string) => ['naming', study] as const,
  instances: (org: string, study: string, series: string) => ['instances', org, study, series] as const,
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
