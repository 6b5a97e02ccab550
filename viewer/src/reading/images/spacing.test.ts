import { expect, test } from 'vitest';
import type { Instance } from './dicomJson';
import { ruler, spacingOf, withSpacing } from './spacing';

function projection(parts: Record<string, unknown[]>, modality = 'DX'): Instance {
  const all: Record<string, unknown[]> = { '00080060': [modality], ...parts };
  return Object.fromEntries(Object.entries(all).map(([tag, Value]) => [tag, { Value }]));
}

test('a radiograph with Imager Pixel Spacing alone measures at the detector', () => {
  const image = projection({ '00181164': ['0.148', '0.148'] });
  expect(spacingOf(image)).toMatchObject({ basis: 'detector', mm: [0.148, 0.148] });
  expect(withSpacing(image)['00280030']?.Value).toEqual([0.148, 0.148]);
});

test('equal spacings are no calibration', () => {
  expect(spacingOf(projection({ '00181164': [0.2, 0.2], '00280030': [0.2, 0.2] })).basis).toBe('detector');
});

test('another Pixel Spacing is a calibration, named when its type is', () => {
  const parts = { '00181164': [0.2, 0.2], '00280030': [0.18, 0.18] };
  expect(spacingOf(projection(parts))).toMatchObject({ basis: 'calibrated', mm: [0.18, 0.18] });
  expect(spacingOf(projection({ ...parts, '00280A02': ['FIDUCIAL'] })).basis).toBe('fiducial');
  expect(spacingOf(projection({ ...parts, '00280A02': ['GEOMETRY'] })).basis).toBe('geometry');
});

test('the magnification that the device estimates is taken out', () => {
  expect(spacingOf(projection({ '00181164': [0.2, 0.2], '00181114': ['1.25'] }))).toEqual({ basis: 'magnification', mm: [0.16, 0.16], factor: 1.25 });
});

test('Pixel Spacing alone on a radiograph rests on nothing that is said', () => {
  expect(spacingOf(projection({ '00280030': [0.2, 0.2] }, 'CR')).basis).toBe('unstated');
});

test('CT measures in the patient; nothing measures where nothing is said, and a spacing of zero is nothing', () => {
  expect(spacingOf(projection({ '00280030': [0.7, 0.7] }, 'CT')).basis).toBe('patient');
  expect(spacingOf(projection({ '00280030': [0, 0] }, 'CT')).basis).toBe('none');
  expect(withSpacing(projection({ '00280030': [0, 0] }, 'CT'))['00280030']?.Value).toBeUndefined();
});

test('an enhanced image measures by what it says for its frames', () => {
  const measures = { '00289110': { Value: [{ '00280030': { Value: [0.5, 0.5] } }] } };
  const image: Instance = { '00080060': { Value: ['MR'] }, '52009229': { Value: [measures] } };
  expect(spacingOf(image)).toMatchObject({ basis: 'patient', mm: [0.5, 0.5] });
  expect(withSpacing(image)).toBe(image);
});

test('ultrasound with regions has no spacing outside them', () => {
  const image = projection({ '00186011': [{}], '00280030': [0.3, 0.3] }, 'US');
  expect(spacingOf(image).basis).toBe('regions');
  expect(withSpacing(image)['00280030']?.Value).toBeUndefined();
});

test.each([
  [1, 120, 100],
  [3, 120, 20],
  [0.2, 120, 500],
  [12, 120, 10],
])('at %s px per mm within %s px the ruler is %s mm', (scale, room, mm) => {
  expect(ruler(scale, room)).toEqual({ mm, px: mm * scale });
});

test('no scale, no ruler', () => expect(ruler(0, 120)).toBeNull());
