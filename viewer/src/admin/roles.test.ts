import { expect, test } from 'vitest';
import { licenceState, rolesIn, signs, workingRoles } from './roles';

test('a licence is told before it ends, and good on its last day', () => {
  const now = new Date('2026-11-26T12:00:00');
  expect(licenceState(undefined, now)).toBe('none');
  expect(licenceState('2026-11-25', now)).toBe('expired');
  expect(licenceState('2026-11-26', now)).toBe('ending');
  expect(licenceState('2027-11-26', now)).toBe('good');
});

test('readers and reviewers sign', () => {
  expect(signs(['requester', 'uploader'])).toBe(false);
  expect(signs(['uploader', 'reviewer'])).toBe(true);
});

test('in a collection one learns, and nowhere else', () => {
  expect(rolesIn({ kind: 'collection' })).toEqual(['learner']);
  expect(rolesIn({ kind: 'centre' })).toEqual(workingRoles);
  expect(rolesIn(undefined)).not.toContain('learner');
});
