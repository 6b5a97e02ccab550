/** Errors as people read them: what happened by the kind of problem, and the server's own detail where it gives one. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem, Unreachable } from '../api/problem';
import { ownHalf } from './ownHalf';

export interface ProblemText {
  title: string;
  detail: string | null;
}

export function useProblemText(): (error: unknown) => ProblemText {
  const { t, i18n } = useTranslation();
  return useCallback(
    (error) => {
      if (error instanceof Problem) return { title: t(`problem.${error.slug}`), detail: error.detail === undefined ? null : ownHalf(error.detail, i18n.language) };
      return { title: t(error instanceof Unreachable ? 'problem.unreachable' : 'problem.unexpected'), detail: null };
    },
    [t, i18n.language],
  );
}
