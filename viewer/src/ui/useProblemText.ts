/** Errors as people read them: what happened by the kind of problem, and the server's own detail where it gives one. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem, Unreachable } from '../api/problem';

export interface ProblemText {
  title: string;
  detail: string | null;
}

export function useProblemText(): (error: unknown) => ProblemText {
  const { t } = useTranslation();
  return useCallback(
    (error) => {
      if (error instanceof Problem) return { title: t(`problem.${error.slug}`), detail: error.detail ?? null };
      return { title: t(error instanceof Unreachable ? 'problem.unreachable' : 'problem.unexpected'), detail: null };
    },
    [t],
  );
}
