import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import i18next from 'i18next';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { initReactI18next } from 'react-i18next';
import { beforeAll, expect, test } from 'vitest';
import type { ReportDraft } from '../api/types';
import zh from '../i18n/zh.json';
import zhLater from '../i18n/zh.later.json';
import { templateKeys, type Template } from '../templates/api';
import { OtherWords } from './OtherWords';

beforeAll(async () => {
  await i18next.use(initReactI18next).init({ resources: { zh: { translation: { ...zh, ...zhLater } } }, lng: 'zh' });
});

const template: Template = {
  id: 'nodule',
  version: 2,
  title: { zh: '肺结节', en: 'Lung nodule' },
  kind: 'radiology',
  modalities: ['CT'],
  body_part: { zh: '胸部', en: 'Chest' },
  sections: [
    {
      key: 'findings',
      title: { zh: '所见', en: 'Findings' },
      required: true,
      normal: '',
      fields: [{ key: 'size', label: { zh: '长径', en: 'Long axis' }, kind: 'number', unit: 'mm', decimals: 1, required: true }],
    },
    { key: 'advice', title: { zh: '随访', en: 'Follow-up' }, required: false, normal: '' },
  ],
};

const other = {
  findings: '右肺结节',
  diagnosis: '',
  recommendation: '',
  template: 'nodule',
  template_version: 2,
  values: { size: ['8.5'] },
  sections: { advice: '三个月后复查' },
  compared: [{ consult_id: 'c', number: 'YX-7', exam: { date: '20260101' } }],
  displayed: [],
  key_images: [],
} as unknown as ReportDraft;

function shown(draft: ReportDraft, edition: Template | null): string {
  const cache = new QueryClient();
  if (edition !== null) cache.setQueryData(templateKeys.edition(edition.id, edition.version), edition);
  const words = { findings: '影像所见', diagnosis: '诊断意见', recommendation: '建议' };
  const nothing = () => undefined;
  const pane = createElement(OtherWords, { report: { chooseMine: nothing, chooseTheirs: nothing }, other: draft, words });
  const page = createElement(QueryClientProvider, { client: cache }, createElement(MantineProvider, null, pane));
  return renderToStaticMarkup(page).replaceAll(/<style.*?<\/style>|<[^>]*>/gs, ' ').replaceAll(/\s+/g, ' ');
}

test('what was filled into a template, and compared with, is shown before a person decides whose words count', () => {
  const text = shown(other, template);
  for (const part of ['右肺结节', '长径 8.5 mm', '随访 三个月后复查', 'YX-7']) expect(text).toContain(part);
});

test('without a template the words have the names of their parts', () => {
  const text = shown({ ...other, template: null, template_version: null, values: {}, sections: {} }, null);
  expect(text).toContain('本机：影像所见 右肺结节');
});
