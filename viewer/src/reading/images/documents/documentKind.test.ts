import { expect, test } from 'vitest';
import { documentKind } from './documentKind';

const kindOf = (sopClass: string, modality = 'OT') => documentKind({ '00080016': { Value: [`1.2.840.10008.5.1.4.1.1.${sopClass}`] }, '00080060': { Value: [modality] } });

test('a document is known by its SOP class, whatever modality it says', () => {
  expect(['104.1', '104.2', '104.3', '104.4', '77.1.1.1', '77.1.4.1', '88.11'].map((one) => kindOf(one))).toEqual(['page', 'cda', 'model', 'model', 'video', 'video', 'report']);
  expect(kindOf('66.4', 'SEG')).toBe('segmentation');
});
