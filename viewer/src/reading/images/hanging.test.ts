import { expect, test } from 'vitest';
import type { Series, StudyDetail } from '../../api/types';
import { hang, priorOf, relaid, type Picture } from './hanging';

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

const shown = (studies: StudyDetail[], pictures?: Picture[]) => {
  const { layout, cells } = hang(studies, pictures);
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

test('a series that was left out of the question is not hung, and no word of it is heeded', () => {
  const now = study('20261120', { uid: 'soft', description: '纵隔 2.4mm' }, { uid: 'lung', description: '肺 1mm', left_out: true });
  expect(shown([now])).toEqual(['1x1', 'soft']);
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
  const breast = (index: number, side: 'L' | 'R', view: 'CC' | 'MLO'): Picture => ({ study: 0, seriesUid: 'm', modality: 'MG', index, side, view });
  const breasts = [breast(0, 'L', 'MLO'), breast(1, 'R', 'MLO'), breast(2, 'L', 'CC'), breast(3, 'R', 'CC')];
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

const hung = (...all: StudyDetail[]) => [hang(all).protocol, ...hang(all).cells.map((cell) => (cell === null ? null : [cell.seriesUid, cell.preset].filter(Boolean).join(' ')))];

test('what a study is opened with is never its scout, nor a table of doses', () => {
  const scout = { uid: 'scout', description: 'Topogram 0.6 T20f', instance_count: 1, body_part: '' };
  const doses = { uid: 'doses', description: '', instance_count: 1 };
  expect(hung(study('20260601', scout, doses, { uid: 'sections' }))).toEqual(['one', 'sections']);
  expect(hung(study('20260601', { ...scout, modality: 'MR', instance_count: 30, description: '3-plane loc' }, { uid: 't2', modality: 'MR', description: 'AX T2' }))).toEqual(['one', 't2']);
  // All there is, it is shown; and sections taken with a low dose are no table of doses.
  expect(hung(study('20260601', scout))).toEqual(['one', 'scout']);
  expect(hung(study('20260601', { uid: 'low', description: 'LOW DOSE 1mm', instance_count: 60 }, { uid: 'thick' }))).toEqual(['one', 'low']);
});

test('the prior is chosen by what is read, not by the scout', () => {
  const scout = { uid: 'scout', description: '定位像', instance_count: 2, body_part: 'ABDOMEN' };
  const now = study('20260601', scout, { uid: 'now' });
  expect(priorOf([now, study('20250101', { uid: 'belly', body_part: 'ABDOMEN' }), study('20240101', { uid: 'chest' })])).toBe(2);
});

test('the head is read in brain and bone, one series or two', () => {
  expect(hung(study('20260601', { uid: 'a', body_part: 'HEAD' }))).toEqual(['head-ct', 'a brain', 'a bone']);
  const two = study('20260601', { uid: 'b', body_part: '', description: '头颅 骨 1mm' }, { uid: 'a', body_part: '', description: '头颅 脑 5mm' });
  expect(hung(two)).toEqual(['head-ct', 'a brain', 'b bone']);
  expect(hang([two]).links).toEqual({ scroll: true, look: false });
  expect(hung(two, study('20250101', { uid: 'a0', body_part: '', description: '头颅 脑 5mm' }))).toEqual(['head-ct-prior', 'a brain', 'a0 brain']);
});

test('a thoracic spine is a spine, not a chest; sinuses are bone before brain', () => {
  expect(hung(study('20260601', { uid: 's', body_part: 'TSPINE', description: '胸椎' }))).toEqual(['spine-ct', 's bone', 's spine']);
  expect(hung(study('20260601', { uid: 's', body_part: 'HEAD', description: '鼻窦 2mm' }))).toEqual(['face-ct', 's bone', 's mediastinum']);
});

test('an abdomen hangs by phases', () => {
  const phase = (uid: string, description: string) => ({ uid, description, body_part: 'ABDOMEN' });
  const [plain, arterial, portal, delayed] = [phase('p', '平扫 5mm'), phase('a', '动脉期'), phase('v', '门静脉期'), phase('d', '延迟期')];
  expect(hung(study('20260601', plain, arterial, portal, delayed))).toEqual(['abdomen-ct-phases', 'p abdomen', 'a abdomen', 'v abdomen', 'd abdomen']);
  expect(hung(study('20260601', arterial, portal))).toEqual(['abdomen-ct-two-phases', 'a abdomen', 'v abdomen']);
  expect(hung(study('20260601', plain))).toEqual(['abdomen-ct', 'p abdomen']);
  const before = study('20250101', phase('a0', '动脉期'), phase('v0', '门静脉期'));
  expect(hung(study('20260601', arterial, portal), before)).toEqual(['abdomen-ct-prior-phases', 'a abdomen', 'a0 abdomen', 'v abdomen', 'v0 abdomen']);
});

test('MR hangs by sequence', () => {
  const brain = (uid: string, description: string) => ({ uid, description, modality: 'MR', body_part: 'BRAIN' });
  const sequences = [brain('t1', 'AX T1 FLAIR'), brain('t2', 'AX T2 FSE'), brain('fl', 'AX T2 FLAIR'), brain('adc', 'DWI_ADC'), brain('dwi', 'DWI b1000')];
  expect(hung(study('20260601', ...sequences))).toEqual(['brain-mr', 't2', 'fl', 'dwi', 't1']);
  expect(hung(study('20260601', ...sequences), study('20250101', brain('t2b', 'AX T2 FSE'), brain('flb', 'AX T2 FLAIR')))).toEqual(['brain-mr-prior', 't2', 't2b', 'fl', 'flb']);
  const knee = (uid: string, description: string) => ({ uid, description, modality: 'MR', body_part: 'KNEE' });
  expect(hung(study('20260601', knee('c', 'PD COR'), knee('s', 'PD SAG')))).toEqual(['joint-mr', 's', 'c']);
  const spine = (uid: string, description: string) => ({ uid, description, modality: 'MR', body_part: 'LSPINE' });
  expect(hung(study('20260601', spine('s1', 'SAG T1'), spine('s2', 'SAG T2'), spine('a2', 'TRA T2')))).toEqual(['spine-mr', 's2', 'a2']);
});

test('a radiograph from the front hangs beside that from the side, each beside its prior', () => {
  const chest = (date: string, uid: string) => study(date, { uid, modality: 'DX' });
  const picture = (study: number, seriesUid: string, index: number, view: Picture['view']): Picture => ({ study, seriesUid, index, modality: 'DX', side: null, view });
  const own = [picture(0, 'x', 0, 'lateral'), picture(0, 'x', 1, 'frontal')];
  const at = (...all: Parameters<typeof hang>) => [hang(...all).protocol, ...hang(...all).cells.map((cell) => (cell === null ? null : `${cell.seriesUid}${cell.index}`))];
  expect(at([chest('20260601', 'x')], own)).toEqual(['radiograph-two-views', 'x1', 'x0']);
  expect(at([chest('20260601', 'x'), chest('20250101', 'y')], [...own, picture(1, 'y', 0, 'frontal')])).toEqual(['radiograph-two-views-prior', 'x1', 'y0', 'x0', null]);
  expect(at([chest('20260601', 'x')], own.slice(1))).toEqual(['one', 'xundefined']);
});

test('the first pictures of an ultrasound hang as a grid; a single one fills the screen', () => {
  const picture = (index: number): Picture => ({ study: 0, seriesUid: 'u', index, modality: 'US', side: null, view: null });
  const liver = study('20260601', { uid: 'u', modality: 'US', body_part: '' });
  const of = (...pictures: Picture[]) => [hang([liver], pictures).layout, ...hang([liver], pictures).cells.map((cell) => cell?.index ?? null)];
  expect(of(picture(0), picture(60), picture(61), picture(62), picture(63))).toEqual(['2x2', 0, 60, 61, 62]);
  expect(of(picture(0), picture(60), picture(61))).toEqual(['2x2', 0, 60, 61, null]);
  expect(of(picture(0), picture(1))).toEqual(['1x2', 0, 1]);
  expect(of(picture(0))).toEqual(['1x1', null]);
});
