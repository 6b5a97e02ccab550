import { expect, test } from 'vitest';
import { dicomAge, dicomDate, dicomDay, dicomTime, readable } from './dicomText';

test('dates and times lose their compactness, odd ones stay', () => {
  expect(dicomDate('20261120')).toBe('2026-11-20');
  expect(dicomDate('2026.11.20')).toBe('2026.11.20');
  expect(dicomDate('')).toBe('');
  expect(dicomTime('093015.120')).toBe('09:30');
  expect(dicomTime('')).toBe('');
});

test('what de-identification leaves instead of a text is none', () => {
  expect(readable('REMOVED')).toBe('');
  expect(readable('胃窦活检')).toBe('胃窦活检');
});

test('ages keep their unit', () => {
  expect(dicomAge('058Y')).toEqual({ count: 58, unit: 'years' });
  expect(dicomAge('006M')).toEqual({ count: 6, unit: 'months' });
  expect(dicomAge('58')).toEqual({ count: 58, unit: 'years' });
  expect(dicomAge('old')).toBeNull();
  expect(dicomAge('58岁')).toEqual({ count: 58, unit: 'years' });
  expect(dicomAge('6月')).toEqual({ count: 6, unit: 'months' });
});

test('days before today cross months and years', () => {
  expect(dicomDay(0, new Date(2026, 0, 3))).toBe('20260103');
  expect(dicomDay(7, new Date(2026, 0, 3))).toBe('20251227');
});
