import { expect, test } from 'vitest';
import type { Partner } from '../api/types';
import { emptyDraft, leavingOut, missingField, requestFrom, withPartner, type AskDraft } from './askDraft';

const centre: Partner = {
  organisation: { id: 'centre', name: '市医院诊断中心' },
  kinds: ['diagnosis', 'consultation'],
  modalities: ['CT'],
  urgencies: [
    { urgency: 'routine', turnaround_min: 1440 },
    { urgency: 'urgent', turnaround_min: 120 },
  ],
};

const full: AskDraft = {
  kept: null,
  once: null,
  study: { org: 'hospital', study_instance_uid: '1.2.3', slide_id: 's1' },
  priors: [],
  left_out_series: [],
  reading_organisation: 'centre',
  kind: 'diagnosis',
  urgency: 'urgent',
  question: ' 结节性质？ ',
  history: '',
  consent: true,
};

test('the agreement fills in what is not chosen and keeps what is', () => {
  expect(withPartner(emptyDraft, [centre])).toMatchObject({ reading_organisation: 'centre', kind: 'diagnosis', urgency: 'routine' });
  expect(withPartner(full, [centre]).urgency).toBe('urgent');
  expect(withPartner({ ...full, urgency: 'frozen' }, [centre]).urgency).toBe('routine');
  expect(withPartner(emptyDraft, [])).toEqual(emptyDraft);
});

test('missing things are named one at a time, in the order of the page', () => {
  expect(missingField(emptyDraft)).toBe('study');
  expect(missingField({ ...full, reading_organisation: null })).toBe('agreement');
  expect(missingField({ ...full, question: '  ' })).toBe('question');
  expect(missingField({ ...full, consent: false })).toBe('consent');
  expect(missingField(full)).toBeNull();
});

test('a request is trimmed, and is nothing without a study', () => {
  expect(requestFrom(full)).toMatchObject({ question: '结节性质？', slide_id: 's1' });
  expect(requestFrom({ ...full, study: null })).toBeNull();
});

test('a question is about a slide that is part of it', () => {
  const study = { org: 'hospital', study_instance_uid: '1.2.3', slide_id: 's1' };
  const slides = ['1', '2', '3'].map((n) => ({ id: `s${n}`, series_instance_uid: `1.2.3.${n}` }));
  const slideOf = (leftOut: string[]) => leavingOut(study, slides, leftOut).study?.slide_id;
  expect(slideOf([])).toBe('s1');
  expect(slideOf(['1.2.3.2'])).toBe('s1');
  expect(slideOf(['1.2.3.1'])).toBe('s2');
  expect(slideOf(['1.2.3.1', '1.2.3.2', '1.2.3.3'])).toBeNull();
  expect(leavingOut({ ...study, slide_id: null }, [], ['9']).left_out_series).toEqual(['9']);
});
