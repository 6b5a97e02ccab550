import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { latestOf, ofStack, presentationOf, type Target } from './presentation';

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
    window: { center: -600, width: 1500 },
    rotation: 270,
    flipHorizontal: true,
    invert: true,
    area: null,
    shutters: { shapes: [], colour: 'rgb(0, 0, 0)', lacksBitmap: false },
    graphics: [],
  });
  expect(presentationOf(made, frame('1.2.4'))).toBeNull();
});

test('lines and words stand where they were drawn; what is not in pixels is left out', () => {
  const line = value({ '00700005': 'PIXEL', '00700023': 'POLYLINE', '00700022': [1, 2, 3, 4, 5, 6], '00700024': 'N' });
  const elsewhere = value({ '00700005': 'DISPLAY', '00700023': 'POLYLINE', '00700022': [0, 0, 1, 1] });
  const words = value({ '00700006': '结节', '00700014': [10, 20], '00700004': 'PIXEL' });
  const made = state({ '00700001': value({ '00700009': [line, elsewhere], '00700008': words }) });
  expect(presentationOf(made, frame('1.2.3'))?.graphics).toEqual([
    { points: [[1, 2], [3, 4], [5, 6]], isClosed: false, kind: 'line', text: '' },
    { points: [[10, 20]], isClosed: false, kind: 'text', text: '结节' },
  ]);
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

test('a window that differs between images is left out', () => {
  const window = (sop: string, center: string) => value({ '00081140': value({ '00081155': sop }), '00281050': center, '00281051': '400' });
  const made = (second: string) => ({ ...about('1.1', '1.2'), '00283110': { Value: [window('1.1', '40'), window('1.2', second)] } });
  expect(ofStack([made('40')], frames('1.1', '1.2'))?.look.window).toEqual({ center: 40, width: 400 });
  expect(ofStack([made('60')], frames('1.1', '1.2'))?.look.window).toBeNull();
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
