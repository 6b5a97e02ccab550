import { expect, test } from 'vitest';
import type { Template, TemplateField } from './api';
import { begun, isAcceptable, isFor, lostBy, missingOf, withText, withValues, type Filled } from './fill';

const blank: Filled = { findings: '', diagnosis: '', recommendation: '', template: null, template_version: null, values: {}, sections: {} };
const words = (zh: string) => ({ zh, en: '' });

function field(part: Partial<TemplateField> & Pick<TemplateField, 'key' | 'kind'>): TemplateField {
  return { label: words(part.key), unit: '', decimals: 0, required: false, ...part };
}

const nodule: Template = {
  id: 'nodule',
  version: 2,
  title: words('结节'),
  kind: 'radiology',
  modalities: ['CT'],
  body_part: words('胸'),
  sections: [
    {
      key: 'findings',
      title: words('所见'),
      required: false,
      normal: '余肺清晰。',
      fields: [
        field({ key: 'size', kind: 'number', required: true, min: '1', max: '300', decimals: 1 }),
        field({ key: 'effusion', kind: 'yes_no', default: ['no'] }),
      ],
    },
    { key: 'gross', title: words('大体'), required: true, normal: '' },
    { key: 'diagnosis', title: words('诊断'), required: false, normal: '' },
  ],
};

const names = (filled: Filled) => missingOf(nodule, filled).map(({ section, field: one }) => one?.key ?? section.key);

test('a template begins with the usual text where there is none, and with its defaults', () => {
  const filled = begun({ ...blank, diagnosis: '我的诊断' }, nodule);
  expect(filled).toMatchObject({ findings: '余肺清晰。', diagnosis: '我的诊断', template: 'nodule', template_version: 2, values: { effusion: ['no'] } });
  expect(begun({ ...blank, findings: '见结节' }, nodule).findings).toBe('见结节');
});

test('what is missing is named in the order of the page', () => {
  expect(names(begun(blank, nodule))).toEqual(['size', 'gross', 'diagnosis']);
  const filled = { ...begun(blank, nodule), ...withText(blank, 'gross', '灰白'), diagnosis: '结节' };
  expect(names({ ...filled, ...withValues(filled, 'size', ['12.5']) })).toEqual([]);
  expect(names({ ...filled, ...withValues(filled, 'size', ['0.5']) })).toEqual(['size']);
});

test('a number is a decimal within its bounds', () => {
  const [size] = nodule.sections[0]?.fields ?? [];
  if (size === undefined) throw new Error('no field');
  for (const [value, good] of [['1', true], ['300', true], ['12.5', true], ['12.55', false], ['301', false], ['1e2', false], ['', false], ['十二', false]] as const) {
    expect(isAcceptable(size, [value]), value).toBe(good);
  }
});

test('what another template has no place for is said before it goes', () => {
  const filled = { ...blank, values: { size: ['3'], other: ['x'] }, sections: { gross: '灰白', immuno: 'ER' } };
  expect(lostBy(filled, nodule)).toEqual({ values: 1, sections: ['immuno'] });
  expect(lostBy(filled, null)).toEqual({ values: 2, sections: ['gross', 'immuno'] });
  expect(lostBy(blank, null)).toEqual({ values: 0, sections: [] });
});

test('templates for the examination come first', () => {
  expect(isFor(nodule, ['CT', 'SR'], false)).toBe(true);
  expect(isFor(nodule, ['MR'], false)).toBe(false);
  expect(isFor({ kind: 'pathology', modalities: [] }, ['SM'], true)).toBe(true);
});
