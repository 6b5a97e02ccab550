/** The columns that a worklist can have, and which of them a person has chosen. */

export const allColumns = [
  'clock',
  'patient',
  'study',
  'requesting',
  'question',
  'state',
  'reader',
  'number',
  'patient_id',
  'accession',
  'study_date',
  'reading',
  'submitted',
] as const;
export type ColumnName = (typeof allColumns)[number];

const usual: readonly ColumnName[] = ['clock', 'patient', 'study', 'requesting', 'question', 'state', 'reader'];

/** Pixels, or what is left shared out: a column keeps its place while rows come and go under it. */
export const widths: Record<ColumnName, number | undefined> = {
  clock: 136,
  patient: 170,
  study: undefined,
  requesting: 150,
  question: undefined,
  state: 190,
  reader: 120,
  number: 150,
  patient_id: 120,
  accession: 120,
  study_date: 110,
  reading: 150,
  submitted: 150,
};

/** A patient's name is on every list: without it somebody opens the wrong case. */
export function chosenColumns(kept: readonly string[]): ColumnName[] {
  const chosen = allColumns.filter((name) => name === 'patient' || kept.includes(name));
  return kept.length === 0 ? [...usual] : chosen;
}

export function toggled(columns: readonly ColumnName[], name: ColumnName): ColumnName[] {
  return columns.includes(name) ? columns.filter((one) => one !== name) : allColumns.filter((one) => one === name || columns.includes(one));
}
