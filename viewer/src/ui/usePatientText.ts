/** A patient in one line: name, sex, age. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { dicomAge } from './dicomText';
import { displayName } from './personName';

interface PatientFields {
  patient_name: string;
  patient_sex?: string;
  /** DICOM AS, or already in words. */
  patient_age?: string;
}

export interface PatientText {
  name: string;
  sex: string;
  age: string;
}

export function usePatientText(): (patient: PatientFields) => PatientText {
  const { t } = useTranslation();
  return useCallback(
    ({ patient_name, patient_sex, patient_age }) => {
      const age = dicomAge(patient_age ?? '');
      return {
        name: displayName(patient_name) || t('patient.unnamed'),
        sex: sexText(patient_sex ?? '', t('patient.sex.M'), t('patient.sex.F'), t('patient.sex.O')),
        age: age === null ? (patient_age ?? '') : t(`patient.age.${age.unit}`, { n: age.count }),
      };
    },
    [t],
  );
}

function sexText(sex: string, male: string, female: string, other: string): string {
  if (sex === 'M') return male;
  if (sex === 'F') return female;
  return sex === 'O' ? other : '';
}
