/** Whose an imported slide is: name, ID, birth date, sex and case number, which are settled together. */
import type { Particulars, UnidentifiedSlide } from './api';

export const sexes = ['M', 'F', 'O'] as const;

export function isSex(text: string | undefined): text is (typeof sexes)[number] {
  return sexes.some((sex) => sex === text);
}

/** What the form begins with: what is certain stays, and a marked unknown patient is none. */
export function firstGuess({ of, standing }: Pick<UnidentifiedSlide, 'of' | 'standing'>): Particulars {
  const { accession_number } = of;
  if (standing === 'unknown') return { accession_number };
  return {
    patient_name: of.patient_name,
    patient_id: of.patient_id,
    // What the form cannot show must not go along unseen.
    patient_birth_date: /^\d{8}$/.test(of.patient_birth_date ?? '') ? of.patient_birth_date : undefined,
    patient_sex: isSex(of.patient_sex) ? of.patient_sex : undefined,
    accession_number,
  };
}

/** The patient as the form shows it: a field that is empty there is said to be empty, and not left out. */
export function wholePatient(of: Particulars) {
  const said = (text: string | undefined) => (text ?? '').trim();
  return {
    patient_name: said(of.patient_name),
    patient_id: said(of.patient_id),
    patient_birth_date: said(of.patient_birth_date),
    patient_sex: said(of.patient_sex),
    accession_number: said(of.accession_number),
  } satisfies Particulars;
}
