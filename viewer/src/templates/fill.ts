/** Filling a template: what it begins with, what is still missing, what a value is called. Knows nothing of React. */
import type { Template, TemplateField, TemplateSection } from './api';

/** Values of fields, by their keys: a decimal string, codes of choices, `yes` or `no`, a text. */
export type Values = Readonly<Record<string, readonly string[]>>;

/** What a person writes in a report. */
export interface Filled {
  findings: string;
  diagnosis: string;
  recommendation: string;
  template: string | null;
  template_version: number | null;
  values: Values;
  /** Texts of the template's own sections. */
  sections: Readonly<Record<string, string>>;
}

const common = ['findings', 'diagnosis', 'recommendation'] as const;
type Common = (typeof common)[number];

function isCommon(key: string): key is Common {
  return common.some((one) => one === key);
}

export function textOf(filled: Filled, section: string): string {
  return isCommon(section) ? filled[section] : (filled.sections[section] ?? '');
}

/** What to write so that a section has this text. */
export function withText(filled: Filled, section: string, text: string): Partial<Filled> {
  return isCommon(section) ? { [section]: text } : { sections: { ...filled.sections, [section]: text } };
}

/** What to write so that a field has these values. */
export function withValues(filled: Filled, field: string, values: readonly string[]): Partial<Filled> {
  const others = Object.entries(filled.values).filter(([key]) => key !== field);
  return { values: Object.fromEntries(values.length === 0 ? others : [...others, [field, values]]) };
}

export function fieldsOf(template: Template): TemplateField[] {
  return template.sections.flatMap((section) => section.fields ?? []);
}

/** What stands filled in and has no place in another template. */
export function lostBy(filled: Filled, template: Template | null): { values: number; sections: string[] } {
  const fields = new Set(template === null ? [] : fieldsOf(template).map(({ key }) => key));
  const sections = new Set(template === null ? [] : template.sections.map(({ key }) => key));
  return {
    values: Object.keys(filled.values).filter((key) => !fields.has(key)).length,
    sections: Object.keys(filled.sections).filter((key) => !sections.has(key) && (filled.sections[key] ?? '').trim() !== ''),
  };
}

/** A template is chosen: texts that are empty begin with the usual one, what it has no place for goes. */
export function begun(filled: Filled, template: Template | null): Filled {
  if (template === null) return { ...filled, template: null, template_version: null, values: {}, sections: {} };
  const values: Record<string, readonly string[]> = {};
  for (const field of fieldsOf(template)) {
    const kept = filled.values[field.key]?.filter((value) => fits(field, value)) ?? [];
    const start = kept.length > 0 ? kept : (field.default ?? []);
    if (start.length > 0) values[field.key] = start;
  }
  let next: Filled = { ...filled, template: template.id, template_version: template.version, values, sections: {} };
  for (const section of template.sections) {
    const text = textOf(filled, section.key);
    next = { ...next, ...withText(next, section.key, text.trim() === '' ? section.normal : text) };
  }
  return next;
}

function fits(field: TemplateField, value: string): boolean {
  if (field.kind === 'choice' || field.kind === 'multi_choice') return (field.choices ?? []).some(({ code }) => code === value);
  return field.kind !== 'yes_no' || value === 'yes' || value === 'no';
}

const decimal = /^-?\d{1,9}(?:\.\d{1,6})?$/;

/** Whether a value may be signed: a number is one, within its bounds, and no finer than is measured. */
export function isAcceptable(field: TemplateField, values: readonly string[]): boolean {
  const [value] = values;
  if (field.kind !== 'number' || value === undefined) return true;
  if (!decimal.test(value)) return false;
  const number = Number(value);
  const above = field.min == null || number >= Number(field.min);
  const below = field.max == null || number <= Number(field.max);
  return above && below && (value.split('.')[1]?.length ?? 0) <= field.decimals;
}

export type Missing = { section: TemplateSection; field: TemplateField | null };

/** What keeps a report from being signed, in the order of the page; the server judges the same. */
export function missingOf(template: Template, filled: Filled): Missing[] {
  return template.sections.flatMap((section) => {
    const fields = section.fields ?? [];
    const wrong = fields.filter((field) => {
      const values = filled.values[field.key] ?? [];
      return values.length === 0 ? field.required : !isAcceptable(field, values);
    });
    const hasValues = fields.some(({ key }) => (filled.values[key] ?? []).length > 0);
    const needsText = section.key === 'diagnosis' || section.required || (section.key === 'findings' && !hasValues);
    const lacksText = needsText && textOf(filled, section.key).trim() === '';
    return [...wrong.map((field) => ({ section, field })), ...(lacksText ? [{ section, field: null }] : [])];
  });
}

/** Whether a template is for an examination: offered first. */
export function isFor(template: Pick<Template, 'kind' | 'modalities'>, modalities: readonly string[], isSlide: boolean): boolean {
  if (isSlide) return template.kind === 'pathology';
  return template.kind === 'radiology' && (template.modalities.length === 0 || template.modalities.some((one) => modalities.includes(one)));
}
