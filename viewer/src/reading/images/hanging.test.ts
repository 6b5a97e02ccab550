import { expect, test } from 'vitest';
import type { Series, StudyDetail } from '../../api/types';
import { hang, priorOf, relaid, type Mammogram } from './hanging';

type Some = Partial<Series> & { uid: string };

function study(date: string, ...series: Some[]): StudyDetail {
  return {
    study_date: date,
    description: '',
    series: series.map(({ uid, ...rest }, index) => ({
      series_instance_uid: uid,
      modality: 'CT',
      number: index + 1,
      description: '',
      instance_count: 100,
      body_part: 'CHEST',
      is_image: true,
      ...rest,
    })),
  } as StudyDetail;
}

const shown = (studies: StudyDetail[], mammograms?: Mammogram[]) => {
  const { layout, cells } = hang(studies, mammograms);
  return [layout, ...cells.map((cell) => cell?.seriesUid ?? null)];
};

test('chest CT alone fills the screen; with a prior they stand side by side and follow each other', () => {
  const now = study('20261120', { uid: 'now' });
  const before = study('20250302', { uid: 'scout', description: 'scout', instance_count: 2, body_part: '' }, { uid: 'before' });
  expect(shown([now])).toEqual(['1x1', 'now']);
  expect(shown([now, before])).toEqual(['1x2', 'now', 'before']);
  expect(hang([now, before]).links).toEqual({ scroll: true, look: true });
});

test('chest CT in two kernels shows lung and mediastinum, each beside its prior', () => {
  const now = study('20261120', { uid: 'soft', description: '纵隔 2.4mm' }, { uid: 'lung', description: '肺 1mm' });
  const before = study('20250302', { uid: 'lung0', description: '肺 1mm' }, { uid: 'soft0', description: '纵隔 2.4mm' });
  expect(shown([now])).toEqual(['1x2', 'lung', 'soft']);
  expect(shown([now, before])).toEqual(['2x2', 'lung', 'lung0', 'soft', 'soft0']);
  expect(hang([now]).cells.map((cell) => cell?.preset)).toEqual(['lung', 'mediastinum']);
});

test('the newest earlier study of the same part is compared with; a later one never', () => {
  const now = study('20260601', { uid: 'now' });
  const head = study('20260501', { uid: 'head', body_part: 'HEAD' });
  const old = study('20240101', { uid: 'old' });
  const newer = study('20250101', { uid: 'newer' });
  const later = study('20260701', { uid: 'later' });
  expect(priorOf([now, head, old, newer, later])).toBe(3);
  expect(priorOf([now, head])).toBe(1);
  expect(priorOf([now, later])).toBe(0);
});

test('a radiograph is compared with the same part only', () => {
  const knee = study('20250101', { uid: 'knee', modality: 'DX', body_part: 'KNEE' });
  const now = study('20260601', { uid: 'now', modality: 'DX' });
  expect(shown([now, knee])).toEqual(['1x1', 'now']);
  expect(shown([now, study('20250101', { uid: 'chest0', modality: 'DX' })])).toEqual(['1x2', 'now', 'chest0']);
});

test('mammograms stand back to back: right on the left, CC above MLO', () => {
  const breasts: Mammogram[] = [
    { seriesUid: 'm', index: 0, side: 'L', view: 'MLO' },
    { seriesUid: 'm', index: 1, side: 'R', view: 'MLO' },
    { seriesUid: 'm', index: 2, side: 'L', view: 'CC' },
    { seriesUid: 'm', index: 3, side: 'R', view: 'CC' },
  ];
  const { layout, cells } = hang([study('20260601', { uid: 'm', modality: 'MG', body_part: 'BREAST' })], breasts);
  expect(layout).toBe('2x2');
  expect(cells.map((cell) => [cell?.index, cell?.justify])).toEqual([
    [3, 'right'],
    [2, 'left'],
    [1, 'right'],
    [0, 'left'],
  ]);
});

test('a study without images hangs nothing', () => {
  expect(shown([study('20260601', { uid: 'sr', modality: 'SR', is_image: false })])).toEqual(['1x1', null]);
});

test('a larger layout takes the series that follow', () => {
  const now = study('20260601', { uid: 'a' }, { uid: 'b' }, { uid: 'c' });
  const four = relaid(hang([now]), '2x2', [now]);
  expect(four.cells.map((cell) => cell?.seriesUid ?? null)).toEqual(['a', 'b', 'c', null]);
  expect(relaid(four, '1x1', [now]).cells).toHaveLength(1);
});
