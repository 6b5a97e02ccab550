import { expect, test } from 'vitest';
import type { HiddenStudy, Series } from '../api/types';
import { changedAttributes, identityOf, patientOf, seriesLines } from './correctionFacts';

const acquired = {
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Zhang^San', Ideographic: '张^三' }] },
  '00100020': { vr: 'LO', Value: ['P1'] },
  '00100030': { vr: 'DA', Value: ['19700101'] },
  '00080050': { vr: 'SH', Value: ['A1'] },
};

test('only what was changed is corrected', () => {
  const before = identityOf(acquired);
  expect(before).toMatchObject({ alphabetic: 'Zhang^San', ideographic: '张^三', patientId: 'P1', accession: 'A1', sex: '' });
  expect(changedAttributes(before, before)).toEqual({});
  expect(changedAttributes(before, { ...before, ideographic: '章^三', birthDate: '' })).toEqual({
    '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Zhang^San', Ideographic: '章^三' }] },
    '00100030': { vr: 'DA' },
  });
});

test('another patient comes without their accession number', () => {
  const other = { ...identityOf(acquired), patientId: 'P2', accession: 'B7', description: 'MR' };
  expect(patientOf(other, identityOf(acquired))).toMatchObject({ patientId: 'P2', accession: 'A1', description: '' });
});

test('a series that is hidden in part, and one that is hidden whole', () => {
  const shown = { series_instance_uid: '1', modality: 'CT', number: 2, description: '', instance_count: 9, body_part: '', is_image: true };
  const one = { modality: 'CT', description: '' };
  const hidden = {
    series: [
      { ...one, series_instance_uid: '1', number: 2, hidden_count: 1 },
      { ...one, series_instance_uid: '0', number: 1, hidden_count: 3 },
    ],
  };
  const lines = seriesLines([shown as Series], hidden as unknown as HiddenStudy);
  expect(lines.map(({ uid, shown: s, hidden: h }) => [uid, s, h])).toEqual([
    ['0', 0, 3],
    ['1', 9, 1],
  ]);
});
