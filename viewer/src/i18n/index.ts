/** Chinese first, English by a switch; the choice is kept in the browser. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import en from './en.json';
import zh from './zh.json';

export const languages = ['zh', 'en'] as const;
export type Language = (typeof languages)[number];

const storageKey = 'farsight.language';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof zh };
  }
}

function storedLanguage(): Language | null {
  const kept = localStorage.getItem(storageKey);
  return kept === 'zh' || kept === 'en' ? kept : null;
}

export function switchLanguage(language: Language): void {
  localStorage.setItem(storageKey, language);
  void i18next.changeLanguage(language);
}

function markDocument(language: string): void {
  document.documentElement.lang = language === 'en' ? 'en' : 'zh-CN';
  document.title = i18next.t('app.title');
}

export function startI18n(): void {
  i18next.on('languageChanged', markDocument);
  void i18next.use(initReactI18next).init({
    resources: { zh: { translation: zh }, en: { translation: en } },
    lng: storedLanguage() ?? 'zh',
    fallbackLng: 'zh',
    interpolation: { escapeValue: false },
    initAsync: false,
  });
}
