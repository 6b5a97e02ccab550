import { expect, test } from 'vitest';
import { draftOf, isComplete, localDay, termsOf } from './agreementDraft';
import type { Agreement } from './api';

const now = new Date('2026-11-26T12:00:00');

test('a new agreement lacks its sides, and nothing else', () => {
  const draft = draftOf(null, now);
  expect(isComplete(draft)).toBe(false);
  expect(isComplete({ ...draft, requesting: 'qinghe', reading: 'city' })).toBe(true);
  expect(isComplete({ ...draft, requesting: 'city', reading: 'city' })).toBe(false);
});

test.each(['0', '-5', 'soon', '50000'])('%s is no number of minutes', (text) => {
  const draft = { ...draftOf(null, now), requesting: 'qinghe', reading: 'city' };
  expect(isComplete({ ...draft, minutes: { ...draft.minutes, urgent: text } })).toBe(false);
});

test('an agreement is written as it was read', () => {
  const terms = termsOf({ ...draftOf(null, now), requesting: 'qinghe', reading: 'city' });
  expect(terms.turnarounds.map(({ urgency }) => urgency)).toEqual(['routine', 'urgent', 'emergency']);
  const agreement: Agreement = {
    ...terms,
    id: 'a',
    requesting: { id: 'qinghe', name: '' },
    reading: { id: 'city', name: '' },
    is_valid: true,
    etag: 'x',
    proposed: null,
    awaits: null,
    may_change: true,
    may_confirm: false,
  };
  expect(termsOf(draftOf(agreement, now))).toEqual(terms);
  const pem = '-----BEGIN CERTIFICATE-----';
  expect(termsOf(draftOf({ ...agreement, trust_anchors_pem: pem }, now)).trust_anchors_pem).toBe(pem);
  expect(termsOf({ ...draftOf(agreement, now), anchors: ' \n' }).trust_anchors_pem).toBeNull();
  expect(localDay(new Date(terms.valid_until))).toBe('2027-11-26');
});
