import { expect, test } from 'vitest';
import { chosenColumns, toggled } from './columns';

test('without a choice the worklist comes as it is', () => {
  expect(chosenColumns([])).toEqual(['clock', 'patient', 'study', 'requesting', 'question', 'state', 'reader']);
});

test('the patient stays, and what nobody knows is left out', () => {
  expect(chosenColumns(['state', 'shoe size'])).toEqual(['patient', 'state']);
});

test('a column comes and goes at its own place', () => {
  expect(toggled(['clock', 'patient', 'state'], 'study')).toEqual(['clock', 'patient', 'study', 'state']);
  expect(toggled(['clock', 'patient', 'state'], 'clock')).toEqual(['patient', 'state']);
});
