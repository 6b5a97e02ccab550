/** Every page of the application, who goes there, and when it has come to rest. */
import type { Page } from '@playwright/test';
import type { Stage } from './stage.ts';

export interface Place {
  name: string;
  /** Whose page it is; nobody's: the login, a report's verification. */
  who: string | null;
  address: (stage: Stage) => string;
  /** What is opened there before it is looked at. Words are those of the chosen language, so roles and keys only. */
  then?: (page: Page) => Promise<void>;
  /** Pages of images are for screens (they are looked at there alone). */
  screenOnly?: boolean;
}

const at = (address: string) => () => address;
const press = (key: string) => async (page: Page) => page.keyboard.press(key);

export const places: readonly Place[] = [
  { name: 'login', who: null, address: at('/') },
  { name: 'verify', who: null, address: at('/verify') },
  { name: 'join-bad-link', who: null, address: at('/join') },
  { name: 'worklist-township', who: 'township', address: at('/') },
  { name: 'worklist-empty', who: 'township', address: at('/?tab=overdue') },
  { name: 'worklist-reader', who: 'reader', address: at('/?tab=all') },
  { name: 'worklist-preview', who: 'reader', address: at('/?tab=all'), then: press('Space'), screenOnly: true },
  { name: 'worklist-reviewer', who: 'reviewer', address: at('/') },
  { name: 'worklist-coordinator', who: 'coordinator', address: at('/?tab=all') },
  { name: 'keys', who: 'reader', address: at('/'), then: press('?'), screenOnly: true },
  { name: 'studies', who: 'township', address: at('/studies') },
  { name: 'studies-centre', who: 'reader', address: at('/studies') },
  { name: 'study', who: 'reader', address: ({ study }) => `/studies/${study.org}/${study.uid}`, screenOnly: true },
  { name: 'slides', who: 'pathologist', address: at('/slides') },
  { name: 'slide', who: 'pathologist', address: ({ ids }) => `/slides/${ids.slide}` },
  { name: 'ask', who: 'township', address: at('/ask') },
  { name: 'ask-draft', who: 'township', address: ({ ids }) => `/ask?draft=${ids.draft}` },
  { name: 'case-asked', who: 'township', address: ({ ids }) => `/cases/${ids.pool}` },
  { name: 'case-critical', who: 'township', address: ({ ids }) => `/cases/${ids.reading}` },
  { name: 'case-waiting', who: 'township', address: ({ ids }) => `/cases/${ids.waiting}` },
  { name: 'case-answered', who: 'township', address: ({ ids }) => `/cases/${ids.final}` },
  { name: 'report', who: 'township', address: ({ ids }) => `/cases/${ids.final}/report` },
  { name: 'reading', who: 'reader', address: ({ ids }) => `/cases/${ids.reading}`, screenOnly: true },
  { name: 'reading-signed', who: 'reader', address: ({ ids }) => `/cases/${ids.final}`, screenOnly: true },
  { name: 'reading-coordinator', who: 'coordinator', address: ({ ids }) => `/cases/${ids.pool}` },
  { name: 'reading-slide', who: 'pathologist', address: ({ ids }) => `/cases/${ids.pathology}`, screenOnly: true },
  { name: 'uploads', who: 'uploader', address: at('/uploads') },
  { name: 'orders', who: 'uploader', address: at('/orders') },
  { name: 'statistics', who: 'coordinator', address: at('/statistics') },
  { name: 'statistics-charts', who: 'coordinator', address: at('/statistics?view=charts') },
  { name: 'templates', who: 'coordinator', address: at('/templates') },
  { name: 'assignment', who: 'coordinator', address: at('/assignment') },
  { name: 'assignment-rules', who: 'coordinator', address: at('/assignment?tab=rules') },
  { name: 'deidentify', who: 'archivist', address: at('/deidentify') },
  { name: 'devices', who: 'admin', address: at('/devices') },
  { name: 'rules', who: 'admin', address: at('/devices?tab=rules') },
  { name: 'queue', who: 'coordinator', address: at('/devices?tab=queue') },
  { name: 'corrections', who: 'archivist', address: at('/corrections') },
  { name: 'corrections-study', who: 'archivist', address: ({ study }) => `/corrections/${study.uid}` },
  { name: 'patients', who: 'archivist', address: at('/patients') },
  { name: 'patients-queue', who: 'city-archivist', address: at('/patients?tab=queue') },
  { name: 'patients-decisions', who: 'city-archivist', address: at('/patients?tab=decisions') },
  { name: 'emergency', who: 'reader', address: at('/emergency') },
  { name: 'emergency-review', who: 'security', address: at('/emergency') },
  { name: 'security', who: 'security', address: at('/security') },
  { name: 'organisations', who: 'admin', address: at('/admin?tab=organisations') },
  { name: 'people', who: 'admin', address: at('/admin?tab=people') },
  { name: 'agreements', who: 'admin', address: at('/admin?tab=agreements') },
  { name: 'tokens', who: 'admin', address: at('/admin?tab=tokens') },
  { name: 'store', who: 'admin', address: at('/admin?tab=store') },
  { name: 'audit', who: 'auditor', address: at('/audit') },
  { name: 'account', who: 'township', address: at('/account') },
];
