import { expect, test } from 'vitest';
import { Unreachable } from '../api/problem';
import type { UploadItem, UploadState } from '../studies/uploads';
import type { Transfer, TransferState } from '../uploads/TransferQueue';
import { ownFiles } from './ownFiles';

const of = { study_instance_uid: '1.2', patient_id: 'P1', accession_number: 'B26-1' };
const failed = { kind: 'failed', error: new Unreachable() } as const;

function upload(id: number, state: UploadState, study: string | null): UploadItem {
  return { id, name: `${id}.dcm`, bytes: 1, study, state };
}

function transfer(key: number, kind: TransferState['kind'], part: Partial<Transfer>): Transfer {
  const state: TransferState = kind === 'failed' ? failed : kind === 'refused' ? { kind, refusal: null } : { kind };
  return {
    key,
    name: `${key}.svs`,
    person: 'anna',
    bytes: 1,
    sent: 0,
    rate: null,
    left_s: null,
    state,
    isSlide: true,
    study: null,
    of: {},
    touched: false,
    confirmed: false,
    unknown: false,
    uploadId: null,
    ...part,
  };
}

test('files of the study are waited for and missed, those of another patient are neither', () => {
  const uploads = [
    upload(1, { kind: 'waiting' }, '1.2'),
    upload(2, { kind: 'retrying', attempt: 3 }, '1.2'),
    upload(3, failed, '1.2'),
    upload(4, { kind: 'sending', sent: 0.5 }, '9.9'),
    upload(5, failed, '9.9'),
    upload(6, { kind: 'skipped', why: 'stopped' }, '1.2'),
    upload(7, { kind: 'there', answer: { study_instance_uid: '1.2', series_instance_uid: '1.2.3', sop_instance_uid: '1.2.3.4', outcome: 'already_there' } }, '1.2'),
  ];
  expect(ownFiles(of, uploads, [])).toEqual({ coming: 2, elsewhere: 0, failed: { uploads: [3], transfers: [] } });
});

test('a file of which nobody knows the study may be of this one', () => {
  expect(ownFiles(of, [upload(1, { kind: 'waiting' }, null), upload(2, failed, null)], [])).toMatchObject({ coming: 1, failed: { uploads: [2] } });
});

test('what goes in pieces counts until it is brought in, also while its line is cut, it is paused or nobody has said whose it is', () => {
  const large = (['preparing', 'queued', 'sending', 'broken', 'paused', 'sent', 'handedOver'] as const).map((kind, key) => transfer(key, kind, { isSlide: false, study: '1.2' }));
  expect(ownFiles(of, [], large)).toMatchObject({ coming: 7, elsewhere: 7 });
  expect(ownFiles(of, [], [transfer(1, 'there', {}), transfer(2, 'sending', { isSlide: false, study: '9.9' })])).toMatchObject({ coming: 0 });
  expect(ownFiles(of, [], [transfer(7, 'failed', {})]).failed).toEqual({ uploads: [], transfers: [7] });
});

test('what was handed over and refused is missed like what failed', () => {
  const large = [transfer(7, 'refused', { isSlide: false, study: '1.2' }), transfer(8, 'refused', { isSlide: false, study: '9.9' })];
  expect(ownFiles(of, [], large)).toEqual({ coming: 0, elsewhere: 0, failed: { uploads: [], transfers: [7] } });
});

test('a slide is of the study whose number or patient it is said to be of', () => {
  const coming = (said: Transfer['of']) => ownFiles(of, [], [transfer(1, 'sent', { of: said })]).coming;
  expect(coming({})).toBe(1);
  expect(coming({ accession_number: 'B26-1', patient_id: 'other' })).toBe(1);
  expect(coming({ accession_number: 'B26-2', patient_id: 'P1' })).toBe(0);
  expect(coming({ patient_id: 'P1' })).toBe(1);
  expect(coming({ patient_id: 'P2' })).toBe(0);
});
