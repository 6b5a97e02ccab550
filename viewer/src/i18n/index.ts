/** Chinese first, English by a switch; the choice is kept in the browser. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import zh from './zh.json';
import type zhLater from './zh.later.json';

export const languages = ['zh', 'en'] as const;
export type Language = (typeof languages)[number];

const storageKey = 'farsight.language';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof zh & typeof zhLater };
  }
}

function storedLanguage(): Language | null {
  const kept = localStorage.getItem(storageKey);
  return kept === 'zh' || kept === 'en' ? kept : null;
}

/** English comes when somebody asks for it. */
async function fetchEnglish(): Promise<void> {
  if (i18next.hasResourceBundle('en', 'translation')) return;
  const [{ default: en }, { default: later }] = await Promise.all([import('./en.json'), import('./en.later.json')]);
  i18next.addResourceBundle('en', 'translation', { ...en, ...later });
}

/** What pages but the first say. */
export async function fetchLaterWords(): Promise<void> {
  const { default: later } = await import('./zh.later.json');
  i18next.addResourceBundle('zh', 'translation', later, true);
}

/** The words of a page that is opened later come with it: the first page does not wait for them. */
export async function withLaterWords<Page>(page: Promise<Page>): Promise<Page> {
  const [opened] = await Promise.all([page, fetchLaterWords()]);
  return opened;
}

export async function switchLanguage(language: Language): Promise<void> {
  localStorage.setItem(storageKey, language);
  if (language === 'en') await fetchEnglish();
  await i18next.changeLanguage(language);
}

function markDocument(language: string): void {
  document.documentElement.lang = language === 'en' ? 'en' : 'zh-CN';
}

/** Resolves when the first page can be shown in the language of this browser. */
export async function startI18n(): Promise<void> {
  i18next.on('languageChanged', markDocument);
  void i18next.use(initReactI18next).init({
    resources: { zh: { translation: zh } },
    lng: 'zh',
    fallbackLng: 'zh',
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  // Without the English words the page is there in Chinese, rather than not at all.
  if (storedLanguage() === 'en') await switchLanguage('en').catch(() => undefined);
}
