/** Templates and phrases, fetched once and kept: an edition never changes. */
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { phrases, templateKeys, templates, type Words } from './api';

export function useTemplateList(enabled = true) {
  return useQuery({ queryKey: templateKeys.list, queryFn: templates.list, staleTime: 60_000, enabled });
}

export function useEdition(id: string | null, version: number | null) {
  return useQuery({
    queryKey: templateKeys.edition(id ?? '', version ?? 0),
    queryFn: () => templates.edition(id ?? '', version ?? 0),
    staleTime: Infinity,
    enabled: id !== null && version !== null,
  });
}

export function usePhrases(enabled = true) {
  return useQuery({ queryKey: templateKeys.phrases, queryFn: phrases.lists, staleTime: 60_000, enabled });
}

/** Words of a template in the person's language, or in Chinese. */
export function useWords(): (words: Words) => string {
  const { i18n } = useTranslation();
  return ({ zh, en }) => (i18n.language === 'en' && en !== '' ? en : zh);
}
