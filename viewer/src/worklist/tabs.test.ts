import { expect, test } from 'vitest';
import type { Me, Role } from '../api/types';
import { chosenTab, tabsFor } from './tabs';

function person(...roles: Role[]): Me {
  return {
    person: { id: 'p', login: 'p', name: 'P', title: '' },
    organisation: { id: 'o', name: 'O', kind: 'centre' },
    roles,
    can_sign: false,
    can_sign_by_phone: false,
    can_sign_with_own_key: false,
    has_ohif: false,
    organisations: [],
    must_enrol_second_factor: false,
  };
}

test('each role sees the tabs of its work', () => {
  expect(tabsFor(person('requester'))).toEqual(['mine', 'answered', 'awaiting', 'critical', 'overdue', 'all']);
  expect(tabsFor(person('reader'))).toEqual(['mine', 'pool', 'opinion', 'awaiting', 'critical', 'overdue', 'all']);
  expect(tabsFor(person('reader', 'reviewer'))).toEqual(['mine', 'pool', 'review', 'opinion', 'awaiting', 'critical', 'overdue', 'all']);
  expect(tabsFor(person('reviewer'))[0]).toBe('review');
  expect(tabsFor(person('auditor'))).not.toContain('mine');
});

test('a tab that the person does not have falls back to their first', () => {
  const tabs = tabsFor(person('requester'));
  expect(chosenTab(tabs, 'overdue')).toBe('overdue');
  expect(chosenTab(tabs, 'pool')).toBe('mine');
  expect(chosenTab(tabs, null)).toBe('mine');
});
