import { expect, test } from 'vitest';
import { jsonItem, jsonName, jsonText } from './dicomJsonText';

const row = {
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Zhang^San', Ideographic: '张^三' }] },
  '00100020': { vr: 'LO' },
  '00280010': { vr: 'US', Value: [512] },
  '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] } }] },
};

test('values, names and items', () => {
  expect(jsonName(row, '00100010')).toBe('Zhang^San=张^三');
  expect(jsonText(row, '00100020')).toBe('');
  expect(jsonText(row, '00280010')).toBe('512');
  expect(jsonText(jsonItem(row, '00400100'), '00080060')).toBe('CT');
  expect(jsonText(jsonItem(row, '00999999'), '00080060')).toBe('');
});
