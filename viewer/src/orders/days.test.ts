import { expect, test } from 'vitest';
import { compactDay, dayAfter, isoDay } from './days';

test('days go over the ends of months and years', () => {
  expect(dayAfter('20261231', 1)).toBe('20270101');
  expect(dayAfter('20240301', -1)).toBe('20240229');
  expect(compactDay(new Date(2026, 0, 5))).toBe('20260105');
  expect(isoDay('20260105')).toBe('2026-01-05');
});
