import { expect, test } from 'vitest';
import { emptyOrder, isComplete, personName, wishOf } from './orderDraft';

test('names become component groups', () => {
  expect(personName('张三', 'Zhang San')).toBe('Zhang^San=张^三');
  expect(personName('欧阳修', '')).toBe('=欧阳^修');
  expect(personName('张 三', '')).toBe('=张^三');
  expect(personName('John Doe', '')).toBe('John^Doe');
  expect(personName('Zhang^San', '')).toBe('Zhang^San');
});

test('an order has what a modality needs, in the forms of the standard', () => {
  const draft = { ...emptyOrder('2026-11-25'), name: '张三', patientId: ' P1 ', accession: 'A1', time: '09:30', birthDate: '1970-01-02' };
  expect(isComplete(draft)).toBe(true);
  expect(isComplete({ ...draft, accession: ' ' })).toBe(false);
  const wish = wishOf(draft);
  expect(wish.patient).toMatchObject({ id: 'P1', name: '=张^三', birth_date: '19700102' });
  expect(wish.step).toMatchObject({ modality: 'CT', start_date: '20261125', start_time: '0930', station_ae_title: null });
});
