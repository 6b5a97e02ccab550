import { expect, test } from 'vitest';
import { firstGuess, wholePatient } from './patient';

test('a field that was cleared is sent as empty, so that nothing of another patient stays', () => {
  const begun = firstGuess({ standing: 'doubtful', of: { patient_name: '张三', patient_id: 'P7', patient_birth_date: '19680301', patient_sex: 'F', stain: 'HE' } });
  expect(wholePatient({ ...begun, patient_id: ' P9 ', patient_name: undefined, patient_birth_date: undefined })).toEqual({
    patient_name: '',
    patient_id: 'P9',
    patient_birth_date: '',
    patient_sex: 'F',
    accession_number: '',
  });
});

test('of an unknown patient only the case number is a beginning', () => {
  const of = { patient_name: 'UNKNOWN', patient_id: 'X1', patient_sex: 'O', accession_number: 'B26-1' };
  expect(firstGuess({ standing: 'unknown', of })).toEqual({ accession_number: 'B26-1' });
});

test('what the form cannot show does not go along', () => {
  const of = { patient_id: 'P7', patient_birth_date: '1968', patient_sex: 'female' };
  expect(wholePatient(firstGuess({ standing: 'doubtful', of }))).toMatchObject({ patient_id: 'P7', patient_birth_date: '', patient_sex: '' });
});
