import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { latestOf, namesNoImage, ofStack, otherDrawings, presentationOf, type Target } from './presentation';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));
const frame = (sop: string, number = 1): Target => ({ sop, frame: number, columns: 100, rows: 50 });
const frames = (...sops: string[]) => sops.map((sop) => frame(sop));
const reference = value({ '00081155': '1.2.3' });

function state(more: Record<string, unknown> = {}): Instance {
  return value({ '00081115': value({ '00081140': reference }), ...more });
}

test('window, rotation, flip and inversion are those of the state', () => {
  const made = state({
    '00700080': 'LUNG',
    '00283110': [value({ '00081140': value({ '00081155': '9.9' }), '00281050': '1', '00281051': '2' }), value({ '00281050': '-600', '00281051': '1500' })],
    '00700042': 270,
    '00700041': 'Y',
    '20500020': 'INVERSE',
  });
  expect(presentationOf(made, frame('1.2.3'))).toEqual({
    label: 'LUNG',
    voi: { center: -600, width: 1500 },
    presentation: null,
    modality: null,
    rotation: 270,
    flipHorizontal: true,
    invert: true,
    area: null,
    shutters: { shapes: [], colour: 'rgb(0, 0, 0)', lacksBitmap: false },
    overlays: { groups: [], own: [] },
    graphics: [],
    lacksGraphics: false,
    lacksLut: false,
    lacksColour: false,
  });
  expect(presentationOf(made, frame('1.2.4'))).toBeNull();
});

const drawing = (units: string, type: string, points: number[], filled: Record<string, unknown> = {}) =>
  value({ '00700005': units, '00700023': type, '00700022': points, '00700024': 'N', ...filled });
const drawn = (objects: Instance[], more: Record<string, unknown> = {}, words: Instance[] = []) =>
  presentationOf(state({ '00700001': value({ '00700009': objects, '00700008': words }), ...more }), frame('1.2.3'));

test('lines and words stand where they were drawn', () => {
  const words = value({ '00700006': '结节', '00700014': [10, 20], '00700004': 'PIXEL' });
  expect(drawn([drawing('PIXEL', 'POLYLINE', [1, 2, 3, 4, 5, 6])], {}, [words])?.graphics).toEqual([
    { points: [[1, 2], [3, 4], [5, 6]], isClosed: false, kind: 'line', text: '' },
    { points: [[10, 20]], isClosed: false, kind: 'text', text: '结节' },
  ]);
});

test('what was drawn on a display stands on the image below it, however that was turned', () => {
  const points = (more: Record<string, unknown>) => drawn([drawing('DISPLAY', 'POLYLINE', [0, 0, 1, 0.5])], more)?.graphics[0]?.points;
  expect(points({})).toEqual([[0, 0], [100, 25]]);
  // Turned clockwise, the top left of the display is the bottom left of the image.
  expect(points({ '00700042': 90 })).toEqual([[0, 50], [50, 0]]);
  expect(points({ '00700042': 180 })).toEqual([[100, 50], [0, 25]]);
  expect(points({ '00700042': 270 })).toEqual([[100, 0], [50, 50]]);
  expect(points({ '00700041': 'Y' })).toEqual([[100, 0], [0, 25]]);
  expect(points({ '00700042': 90, '00700041': 'Y' })).toEqual([[0, 0], [50, 50]]);
  const area = value({ '00700052': [11, 6], '00700053': [60, 30], '00700100': 'SCALE TO FIT' });
  expect(points({ '0070005A': area })).toEqual([[10, 5], [60, 17.5]]);
  const label = value({ '00700006': '病灶', '00700010': [0.5, 0.5], '00700003': 'DISPLAY' });
  expect(drawn([], {}, [label])?.graphics[0]?.points).toEqual([[50, 25]]);
});

test('an ellipse goes through the ends of its axes', () => {
  const outline = drawn([drawing('PIXEL', 'ELLIPSE', [10, 20, 50, 20, 30, 10, 30, 30])])?.graphics[0];
  expect(outline?.isClosed).toBe(true);
  for (const [x, y] of [[10, 20], [50, 20], [30, 10], [30, 30]] as const) {
    expect(outline?.points.some((point) => Math.hypot(point[0] - x, point[1] - y) < 1e-6)).toBe(true);
  }
});

test('what is not shown is known: units, kinds, and more than there is room for', () => {
  expect(drawn([drawing('MATRIX', 'POLYLINE', [1, 2, 3, 4])])).toMatchObject({ graphics: [], lacksGraphics: true });
  expect(drawn([drawing('PIXEL', 'SPIRAL', [1, 2, 3, 4])])).toMatchObject({ graphics: [], lacksGraphics: true });
  expect(drawn(Array.from({ length: 501 }, () => drawing('PIXEL', 'POINT', [1, 2])))).toMatchObject({ lacksGraphics: true });
  expect(drawn([], {}, [value({ '00700006': '?' })])).toMatchObject({ lacksGraphics: true });
  expect(drawn([drawing('PIXEL', 'POINT', [1, 2])])).toMatchObject({ lacksGraphics: false });
});

test('tables and curves of greys are read; what is damaged, and colours, are known not to be applied', () => {
  const of = (more: Record<string, unknown>) => presentationOf(state(more), frame('1.2.3'));
  const table = value({ '00283002': [2, 0, 16], '00283006': [0, 65_535], '00283003': 'DENSE' });
  const damaged = value({ '00283002': [2, 0, 16], '00283006': [0] });
  expect(of({ '00283110': value({ '00283010': table }) })).toMatchObject({ voi: { label: 'DENSE', bits: 16 }, lacksLut: false });
  expect(of({ '00283110': value({ '00281050': '1', '00281051': '2', '00281056': 'SIGMOID' }) })).toMatchObject({ voi: { sigmoid: { center: 1, width: 2 } }, lacksLut: false });
  expect(of({ '00283110': value({ '00281050': '1', '00281051': '2', '00283010': damaged }) })).toMatchObject({ voi: { center: 1, width: 2 }, lacksLut: false });
  expect(of({ '20500010': table, '00283000': table })).toMatchObject({ presentation: { bits: 16 }, modality: { bits: 16 }, lacksLut: false });
  for (const sequence of ['20500010', '00283000']) expect(of({ [sequence]: damaged })?.lacksLut).toBe(true);
  expect(of({ '00283110': value({ '00283010': damaged }) })).toMatchObject({ voi: null, lacksLut: true });
  expect(of({ '00080016': '1.2.840.10008.5.1.4.1.1.11.3' })?.lacksColour).toBe(true);
  expect(of({ '00080016': '1.2.840.10008.5.1.4.1.1.11.2' })?.lacksColour).toBe(false);
});

test('drawings of earlier states are named, and a state that names no image in our way is known', () => {
  const made = (label: string, date: string) => state({ '00700080': label, '00700082': date, '00700001': value({ '00700009': drawing('PIXEL', 'POINT', [1, 2]) }) });
  expect(otherDrawings([made('OLD', '20250101'), made('NEW', '20260101')], frame('1.2.3'))).toEqual(['OLD']);
  expect(otherDrawings([made('OLD', '20250101')], frame('1.2.4'))).toEqual([]);
  expect([namesNoImage(value({ '00700402': [] })), namesNoImage(state())]).toEqual([true, false]);
});

test('the latest of several is taken', () => {
  const [old, young] = [state({ '00700080': 'OLD', '00700082': '20250101' }), state({ '00700080': 'NEW', '00700082': '20260101' })];
  expect(latestOf([old, young], frame('1.2.3'))?.label).toBe('NEW');
  expect(latestOf([], frame('1.2.3'))).toBeNull();
});

const about = (...sops: string[]) => value({ '00081115': value({ '00081140': sops.map((sop) => value({ '00081155': sop })) }), '00080018': '7', '00700080': 'KEY' });

test('a state of one image is not put on the whole stack', () => {
  expect(ofStack([about('1.1')], frames('1.1', '1.2'))).toBeNull();
  expect(ofStack([about('1.1', '1.2')], frames('1.1', '1.2'))).toMatchObject({ uid: '7', look: { label: 'KEY' } });
});

test('a newer state of one image keeps the older one of all from the stack', () => {
  const newer = { ...about('1.2'), '00700082': { Value: ['20260101'] } };
  expect(ofStack([about('1.1', '1.2'), newer], frames('1.1', '1.2'))).toBeNull();
});

test('a state of some frames is not put on all of them', () => {
  const some = value({ '00081115': value({ '00081140': value({ '00081155': '1.1', '00081160': [5] }) }) });
  expect(ofStack([some], frames('1.1', '1.1'))).toBeNull();
});

test('a window that differs between images is each image\'s own', () => {
  const window = (sop: string, center: string) => value({ '00081140': value({ '00081155': sop }), '00281050': center, '00281051': '400' });
  const made = (second: string) => ({ ...about('1.1', '1.2'), '00283110': { Value: [window('1.1', '40'), window('1.2', second)] } });
  expect(ofStack([made('40')], frames('1.1', '1.2'))).toMatchObject({ look: { voi: { center: 40, width: 400 } }, vois: null });
  expect(ofStack([made('60')], frames('1.1', '1.2'))?.vois).toEqual([{ center: 40, width: 400 }, { center: 60, width: 400 }]);
});

test("a table that differs between images is each image's own, one for all is not", () => {
  const table = (label: string) => value({ '00283002': [2, 0, 8], '00283006': [0, 255], '00283003': label });
  const item = (sops: string[], label: string) => value({ '00081140': sops.map((sop) => value({ '00081155': sop })), '00283010': table(label) });
  const made = (...vois: Instance[]) => ({ ...about('1.1', '1.2'), '00283110': { Value: vois } });
  expect(ofStack([made(item(['1.1', '1.2'], 'ALL'))], frames('1.1', '1.2'))).toMatchObject({ look: { voi: { label: 'ALL' } }, vois: null });
  expect(ofStack([made(item(['1.1'], 'ONE'), item(['1.2'], 'OTHER'))], frames('1.1', '1.2'))?.vois).toMatchObject([{ label: 'ONE' }, { label: 'OTHER' }]);
});

test('a drawing on one frame is not on the others', () => {
  const line = value({ '00700005': 'PIXEL', '00700023': 'POLYLINE', '00700022': [1, 2, 3, 4], '00700024': 'N' });
  const layer = value({ '00081140': value({ '00081155': '1.2.3', '00081160': [2] }), '00700009': line });
  const made = state({ '00700001': layer });
  expect([1, 2, 3].map((number) => presentationOf(made, frame('1.2.3', number))?.graphics.length)).toEqual([0, 1, 0]);
});

test('what several images are to show of themselves is applied only where it is the same', () => {
  const area = (sop: string, right: number) => value({ '00081140': value({ '00081155': sop }), '00700052': [11, 6], '00700053': [right, 45], '00700100': 'SCALE TO FIT' });
  const made = (second: number) => ({ ...about('1.1', '1.2'), '0070005A': { Value: [area('1.1', 90), area('1.2', second)] } });
  expect(ofStack([made(90)], frames('1.1', '1.2'))).toMatchObject({ look: { area: { left: 10, top: 5, right: 90, bottom: 45 } }, lacksArea: false });
  expect(ofStack([made(80)], frames('1.1', '1.2'))).toMatchObject({ look: { area: null }, lacksArea: true });
});
