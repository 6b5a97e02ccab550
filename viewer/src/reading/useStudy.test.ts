import { expect, test } from 'vitest';
import type { StudyDetail } from '../api/types';
import { found } from './useStudy';

const study = (uid: string) => ({ study_instance_uid: uid }) as StudyDetail;

test('no prior has a place before all have come', () => {
  const late = { data: undefined, isPending: true };
  expect(found([late, { data: study('2'), isPending: false }])).toEqual([]);
  expect(found([{ data: study('1'), isPending: false }, { data: study('2'), isPending: false }])).toEqual([study('1'), study('2')]);
});

test('one that may not be seen takes no place', () => {
  expect(found([{ isPending: false }, { data: study('2'), isPending: false }])).toEqual([study('2')]);
});
