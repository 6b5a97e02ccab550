import { expect, test } from 'vitest';
import type { SlideLevel, StudyDetail } from '../api/types';
import { asAskedAbout, evidenceOf, isInEvidence, withinEvidence } from './evidence';

const frozen = (uid: string) => ({ study_instance_uid: '1', series_instance_uid: '1.1', sop_instance_uid: uid, sha256: '' });
const level = (uid: string): SlideLevel => ({
  level: 0,
  sop_instance_uid: uid,
  instance_count: 1,
  width: 1,
  height: 1,
  downsample: 1,
  tiles_x: 1,
  tiles_y: 1,
  tile_width: 1,
  tile_height: 1,
});
const evidence = evidenceOf({ evidence: [frozen('1.2'), frozen('1.3')] });

test('a slide that joined the study after the request was sent is not reported as displayed', () => {
  expect(withinEvidence({ displayed: ['1.2', '9.9', '1.3'], findings: '慢性炎' }, evidence)).toEqual({ displayed: ['1.2', '1.3'], findings: '慢性炎' });
});

test('a slide is of the request when any of its levels is', () => {
  expect(isInEvidence({ levels: [level('9.9'), level('1.3')] }, evidence)).toBe(true);
  expect(isInEvidence({ levels: [level('9.9')] }, evidence)).toBe(false);
});

test('what was left out of a question comes last in its study, and is marked', () => {
  const study = { series: ['1', '2', '3'].map((uid) => ({ series_instance_uid: uid })) } as StudyDetail;
  expect(asAskedAbout(study, [])).toBe(study);
  const marked = asAskedAbout(study, ['1', '9']).series.map((one) => [one.series_instance_uid, one.left_out]);
  expect(marked).toEqual([['2', false], ['3', false], ['1', true]]);
});
