import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { latestOf, presentationOf } from './presentation';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));
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
  expect(presentationOf(made, '1.2.3')).toEqual({
    label: 'LUNG',
    window: { center: -600, width: 1500 },
    rotation: 270,
    flipHorizontal: true,
    invert: true,
    graphics: [],
  });
  expect(presentationOf(made, '1.2.4')).toBeNull();
});

test('lines and words stand where they were drawn; what is not in pixels is left out', () => {
  const line = value({ '00700005': 'PIXEL', '00700023': 'POLYLINE', '00700022': [1, 2, 3, 4, 5, 6], '00700024': 'N' });
  const elsewhere = value({ '00700005': 'DISPLAY', '00700023': 'POLYLINE', '00700022': [0, 0, 1, 1] });
  const words = value({ '00700006': '结节', '00700014': [10, 20], '00700004': 'PIXEL' });
  const made = state({ '00700001': value({ '00700009': [line, elsewhere], '00700008': words }) });
  expect(presentationOf(made, '1.2.3')?.graphics).toEqual([
    { points: [[1, 2], [3, 4], [5, 6]], isClosed: false, kind: 'line', text: '' },
    { points: [[10, 20]], isClosed: false, kind: 'text', text: '结节' },
  ]);
});

test('the latest of several is taken', () => {
  const [old, young] = [state({ '00700080': 'OLD', '00700082': '20250101' }), state({ '00700080': 'NEW', '00700082': '20260101' })];
  expect(latestOf([old, young], '1.2.3')?.label).toBe('NEW');
  expect(latestOf([], '1.2.3')).toBeNull();
});
