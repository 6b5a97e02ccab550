import { describe, expect, it } from 'vitest';
import type { AuditState } from './api';
import { chainFault } from './chain';

const now = Date.parse('2026-11-27T08:00:00Z');
const well: AuditState = {
  last_seq: 120,
  last_hash: 'ab',
  head: { seq: 100, at: '2026-11-26T20:00:00Z', hash: 'cd' },
  verified: { at: '2026-11-26T20:00:01Z', events: 101, anchored_seq: 100, fault: null },
  is_verifying: false,
  sending: null,
  kept_days_min: 180,
};

describe('the state of the audit chain', () => {
  it('is well when it was signed and walked within a day', () => {
    expect(chainFault(well, now)).toBeNull();
  });

  it('is told by what is worst', () => {
    const fault = { what: 'event', number: 7, why: 'an event is missing' };
    const old = { seq: 100, at: '2026-11-20T20:00:00Z', hash: 'cd' };
    expect(chainFault({ ...well, head: null, verified: { ...well.verified!, fault } }, now)).toBe('broken');
    expect(chainFault({ ...well, head: null }, now)).toBe('never_signed');
    expect(chainFault({ ...well, head: old }, now)).toBe('signed_long_ago');
    expect(chainFault({ ...well, head: old, last_seq: 101 }, now)).toBeNull();
    expect(chainFault({ ...well, verified: null }, now)).toBe('never_verified');
    expect(chainFault({ ...well, sending: { to: 'a:1', seq: 3, lag: 9, at: '', error: 'timed out' } }, now)).toBe('not_sent');
  });
});
