import { expect, test } from 'vitest';
import type { Instance } from '../dicomJson';
import { hidden, shuttersOf } from './shutters';

const value = (of: Record<string, unknown>): Instance => Object.fromEntries(Object.entries(of).map(([tag, one]) => [tag, { Value: Array.isArray(one) ? one : [one] }]));

test('edges are those of the pixels that are seen, rows and columns counted from 1', () => {
  const made = shuttersOf(
    value({
      '00181600': ['RECTANGULAR', 'CIRCULAR', 'POLYGONAL'],
      '00181602': '3',
      '00181604': '8',
      '00181606': '2',
      '00181608': '5',
      '00181610': ['4', '6'],
      '00181612': '2',
      '00181620': ['1', '2', '1', '9', '7', '9'],
      '00181622': 0xffff,
    }),
  );
  expect(made).toEqual({
    shapes: [
      { kind: 'rectangle', left: 2, top: 1, right: 8, bottom: 5 },
      { kind: 'circle', centre: [5.5, 3.5], radius: 2 },
      { kind: 'polygon', points: [[1.5, 0.5], [8.5, 0.5], [8.5, 6.5]] },
    ],
    colour: 'rgb(255, 255, 255)',
    lacksBitmap: false,
  });
});

test('a bitmap is said to be missing; what lacks a number hides nothing', () => {
  expect(shuttersOf(value({ '00181600': ['BITMAP', 'CIRCULAR', 'OTHER'], '00181612': '2' }))).toMatchObject({ shapes: [], lacksBitmap: true });
  expect(shuttersOf({})).toEqual({ shapes: [], colour: 'rgb(0, 0, 0)', lacksBitmap: false });
});

test('all of the image is hidden but what a shutter shows', () => {
  expect(hidden({ kind: 'rectangle', left: 2, top: 1, right: 80, bottom: 5 }, 10, 8)).toBe('M0 0H10V8H0ZM2 1H10V5H2Z');
  expect(hidden({ kind: 'rectangle', left: 12, top: 1, right: 20, bottom: 5 }, 10, 8)).toBe('M0 0H10V8H0Z');
  expect(hidden({ kind: 'polygon', points: [[1, 1], [5, 1], [5, 5]] }, 10, 8)).toBe('M0 0H10V8H0ZM1 1L5 1L5 5Z');
});
