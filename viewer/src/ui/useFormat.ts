/** Moments as the reader's language writes them, in the reader's time zone; numbers, and how long something may take. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

export function useFormat() {
  const { i18n } = useTranslation();
  const { language } = i18n;
  return useMemo(() => {
    const locale = language === 'en' ? 'en-GB' : 'zh-CN';
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
      /** Nothing is rounded: it is what somebody was promised. */
      span: (minutes: number) =>
        minutes >= 120 && minutes % 60 === 0 ? i18n.t('ask.hours', { n: minutes / 60 }) : i18n.t('ask.minutes', { n: minutes }),
    };
  }, [i18n, language]);
}
