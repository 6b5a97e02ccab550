/** What can be read off a correction. */
import type { Correction, DicomJson, HiddenStudy, Series, Study } from '../api/types';
import { jsonName, jsonNameGroup, jsonText } from '../ui/dicomJsonText';

/** The study that a correction names; patients are in many. */
export function studyOf(correction: Correction): string | null {
  return 'study' in correction ? correction.study : null;
}

/** Patient and study attributes that people correct. */
export interface Identity {
  ideographic: string;
  alphabetic: string;
  patientId: string;
  issuer: string;
  birthDate: string;
  sex: string;
  accession: string;
  description: string;
}

export function identityOf(of: DicomJson): Identity {
  const ideographic = jsonNameGroup(of, '00100010', 'Ideographic');
  return {
    ideographic,
    alphabetic: ideographic === '' ? jsonName(of, '00100010') : jsonNameGroup(of, '00100010', 'Alphabetic'),
    patientId: jsonText(of, '00100020'),
    issuer: jsonText(of, '00100021'),
    birthDate: jsonText(of, '00100030'),
    sex: jsonText(of, '00100040'),
    accession: jsonText(of, '00080050'),
    description: jsonText(of, '00081030'),
  };
}

const text = (vr: string, value: string) => (value.trim() === '' ? { vr } : { vr, Value: [value.trim()] });

const written: Record<Exclude<keyof Identity, 'ideographic' | 'alphabetic'>, [tag: string, vr: string]> = {
  patientId: ['00100020', 'LO'],
  issuer: ['00100021', 'LO'],
  birthDate: ['00100030', 'DA'],
  sex: ['00100040', 'CS'],
  accession: ['00080050', 'SH'],
  description: ['00081030', 'LO'],
};

/** The attributes that differ, as DICOM JSON. */
export function changedAttributes(before: Identity, after: Identity): DicomJson {
  const changed: DicomJson = {};
  if (before.alphabetic !== after.alphabetic || before.ideographic !== after.ideographic) {
    const groups = { Alphabetic: after.alphabetic.trim(), Ideographic: after.ideographic.trim() };
    const said = Object.fromEntries(Object.entries(groups).filter(([, group]) => group !== ''));
    changed['00100010'] = Object.keys(said).length === 0 ? { vr: 'PN' } : { vr: 'PN', Value: [said] };
  }
  for (const [name, [tag, vr]] of Object.entries(written) as [keyof typeof written, [string, string]][]) {
    if (before[name].trim() !== after[name].trim()) changed[tag] = text(vr, after[name]);
  }
  return changed;
}

/** The patient of another study, with this study's own accession number and description. */
export function patientOf(other: Identity, own: Identity): Identity {
  return { ...other, accession: own.accession, description: own.description };
}

/** Attributes of a patient only (0010,eeee). */
export function patientAttributes(of: DicomJson): DicomJson {
  return Object.fromEntries(Object.entries(of).filter(([tag]) => ['00100010', '00100020', '00100021', '00100030', '00100040'].includes(tag)));
}

export function isSamePatient(a: Pick<Study, 'patient_id' | 'patient_id_issuer'>, b: Pick<Study, 'patient_id' | 'patient_id_issuer'>): boolean {
  return a.patient_id === b.patient_id && a.patient_id_issuer === b.patient_id_issuer;
}

/** A series as the archivist sees it: what is shown of it, and what is hidden. */
export interface SeriesLine {
  uid: string;
  modality: string;
  number: number | null;
  description: string;
  shown: number;
  hidden: number;
  isImage: boolean;
}

export function seriesLines(series: readonly Series[], hidden: HiddenStudy | undefined): SeriesLine[] {
  const lines = series.map((one) => ({
    uid: one.series_instance_uid,
    modality: one.modality,
    number: one.number,
    description: one.description,
    shown: one.instance_count,
    hidden: 0,
    isImage: one.is_image,
  }));
  for (const one of hidden?.series ?? []) {
    const line = lines.find(({ uid }) => uid === one.series_instance_uid);
    if (line !== undefined) line.hidden = one.hidden_count;
    else {
      const { series_instance_uid: uid, modality, number, description, hidden_count } = one;
      lines.push({ uid, modality, number, description, shown: 0, hidden: hidden_count, isImage: false });
    }
  }
  return lines.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity));
}
