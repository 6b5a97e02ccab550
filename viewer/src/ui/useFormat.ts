/** Moments as the reader's language writes them, in the reader's time zone. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

export function useFormat() {
  const { i18n } = useTranslation();
  return useMemo(() => {
    const locale = i18n.language === 'en' ? 'en-GB' : 'zh-CN';
    const full = new Intl.DateTimeFormat(locale, {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    });
    const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
    const number = new Intl.NumberFormat(locale);
    return {
      moment: (at: string | null) => (at === null ? '' : full.format(new Date(at))),
      time: (at: number) => time.format(new Date(at)),
      number: (value: number) => number.format(value),
    };
  }, [i18n.language]);
}
