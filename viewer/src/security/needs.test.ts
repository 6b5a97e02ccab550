import { describe, expect, it } from 'vitest';
import type { SecurityOverview } from './api';
import { needs } from './needs';

const none = { count: 0, lines: [] };
const quiet: SecurityOverview = {
  organisation: { id: 'city', name: '市医院' },
  at: '2026-11-27T08:00:00Z',
  soon_days: 60,
  accounts: { active: 2, with_second_factor: 2, without_second_factor: [], locked: [], disabled: 3 },
  failed: { days: 7, count: 3, is_more: false, lines: [{ person: 'p', who: 'wang', count: 3, last_at: '', addresses: [] }] },
  sessions: { open: 2, lines: [{ person: 'p', login: 'wang', name: '王', count: 2, has_one_factor: true }] },
  tokens: { good: 1, to_look_at: 0, lines: [] },
  people_ending: none,
  agreements_ending: none,
  emergencies: { is_allowed: true, waiting: 0, oldest_at: null },
  devices: { all: 1, without_tls: 1, lines: [{ ae_title: 'CT1', calls_plain: true, is_called_plain: false, from_anywhere: false }] },
  node: null,
};
const now = Date.parse(quiet.at);
const of = (change: Partial<SecurityOverview>) => [...needs({ ...quiet, ...change }, now)];

describe('what needs a security officer', () => {
  it('is nothing of what is merely so', () => {
    expect(of({})).toEqual([]);
    const reader = { id: 'p', login: 'wang', name: '王', roles: ['reader' as const], takes_second_factor: false };
    expect(of({ accounts: { ...quiet.accounts, without_second_factor: [reader] } })).toEqual([]);
  });

  it('is an office or a role that takes a second factor without one, and what ends or waits', () => {
    const auditor = { id: 'p', login: 'he', name: '何', roles: ['auditor' as const], takes_second_factor: false };
    expect(of({ accounts: { ...quiet.accounts, without_second_factor: [auditor] } })).toEqual(['accounts']);
    expect(of({ failed: { ...quiet.failed, lines: [{ ...quiet.failed.lines[0]!, count: 12 }] } })).toEqual(['failed']);
    expect(of({ tokens: { good: 1, to_look_at: 1, lines: [] }, people_ending: { count: 1, lines: [] } })).toEqual(['tokens', 'people']);
    expect(of({ emergencies: { is_allowed: true, waiting: 1, oldest_at: '' } })).toEqual(['emergencies']);
    const open = { ae_title: 'CT1', calls_plain: true, is_called_plain: false, from_anywhere: true };
    expect(of({ devices: { all: 1, without_tls: 1, lines: [open] } })).toEqual(['devices']);
  });
});
