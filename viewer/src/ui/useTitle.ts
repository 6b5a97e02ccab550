/** What the browser's tab, its history and a screen reader call the page (WCAG 2.4.2): the place, and never whose case it is. */
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

/** `null`: no place in particular. */
export function useTitle(name: string | null): void {
  const { t } = useTranslation();
  const title = name === null ? t('app.title') : `${name} · ${t('app.title')}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
