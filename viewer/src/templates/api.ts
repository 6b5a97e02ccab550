/** Templates of reports and phrases, as the server speaks of them. */
import { request } from '../api/client';
import type { ConsultStudy, Ref } from '../api/types';

export interface Words {
  zh: string;
  en: string;
}

export const fieldKinds = ['text', 'number', 'choice', 'multi_choice', 'yes_no'] as const;
export type FieldKind = (typeof fieldKinds)[number];

export interface Choice extends Words {
  code: string;
}

export interface TemplateField {
  key: string;
  label: Words;
  kind: FieldKind;
  unit: string;
  /** Decimal strings. */
  min?: string | null;
  max?: string | null;
  decimals: number;
  choices?: Choice[];
  required: boolean;
  default?: string[];
}

export interface TemplateSection {
  /** `findings`, `diagnosis` and `recommendation` are texts of every report. */
  key: string;
  title: Words;
  required: boolean;
  normal: string;
  fields?: TemplateField[];
}

export interface Template {
  id: string;
  version: number;
  title: Words;
  kind: 'radiology' | 'pathology';
  modalities: string[];
  body_part: Words;
  sections: TemplateSection[];
}

export interface Edition {
  version: number;
  at: string | null;
  by: Ref | null;
}

export interface ListedTemplate extends Omit<Template, 'sections'> {
  origin: 'program' | 'organisation';
  withdrawn: boolean;
  editions: Edition[];
  record_version: number;
}

export interface OpenedTemplate extends ListedTemplate {
  draft: Template | null;
}

export interface Phrase {
  abbreviation: string;
  title: string;
  text: string;
}

export interface Phrases {
  phrases: Phrase[];
  version: number;
}

export interface PhraseLists {
  own: Phrases;
  organisation: Phrases;
}

/** A field of an earlier report, with its words. */
export interface FieldNote {
  key: string;
  section: string;
  label: string;
  values: string[];
  text: string;
  unit?: string;
}

/** A filled template, with its words. */
export interface Structured {
  template: string;
  version: number;
  title: string;
  sections: { key: string; title: string; text?: string }[];
  fields: FieldNote[];
}

export interface ComparedReport {
  consult_id: string;
  number: string;
  version: number;
  canonical_sha256: string;
  exam: Pick<ConsultStudy, 'study_instance_uid' | 'description' | 'modalities'> & { date: string };
}

export interface PriorReport extends ComparedReport {
  report_time: string;
  reader: string;
  findings: string;
  diagnosis: string;
  recommendation: string;
  fields: FieldNote[];
}

const segment = encodeURIComponent;

export const templates = {
  list: () => request<{ templates: ListedTemplate[] }>('GET', '/templates'),
  open: (id: string) => request<OpenedTemplate>('GET', `/templates/${segment(id)}`),
  edition: (id: string, version: number) => request<Template>('GET', `/templates/${segment(id)}/editions/${version}`),
  put: (template: Template, record_version: number) =>
    request<OpenedTemplate>('PUT', `/templates/${segment(template.id)}`, { body: { record_version, template } }),
  turn: (id: string, act: 'publish' | 'withdraw' | 'offer', record_version: number) =>
    request<OpenedTemplate>('POST', `/templates/${segment(id)}/${act}`, { body: { record_version } }),
};

export const phrases = {
  lists: () => request<PhraseLists>('GET', '/phrases'),
  put: (whose: keyof PhraseLists, { phrases: list, version }: Phrases) =>
    request<Phrases>('PUT', `/phrases/${whose}`, { body: { version, phrases: list } }),
};

export const priorReports = (consult: string) => request<{ reports: PriorReport[] }>('GET', `/consults/${segment(consult)}/prior-reports`);

export const templateKeys = {
  list: ['templates'] as const,
  opened: (id: string) => ['templates', id] as const,
  edition: (id: string, version: number) => ['template-edition', id, version] as const,
  phrases: ['phrases'] as const,
  priorReports: (consult: string) => ['prior-reports', consult] as const,
};
