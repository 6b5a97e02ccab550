import { expect, test } from 'vitest';
import { emptyFilter, filterOf } from './auditFilter';

test('what is left empty is not asked for', () => {
  expect(filterOf(emptyFilter)).toEqual({});
  expect(filterOf({ ...emptyFilter, patient: ' P001 ', action: 'read' })).toEqual({ patient_id: 'P001', action: 'read' });
});

test('both days are in it', () => {
  const { from, until } = filterOf({ ...emptyFilter, from: '2026-11-26', to: '2026-11-26' });
  expect(new Date(until ?? '').getTime() - new Date(from ?? '').getTime()).toBe(24 * 3600 * 1000);
});
