/** What somebody types of an order, and the order that it makes. */
import type { OrderWish } from '../api/types';

export const priorities = ['ROUTINE', 'HIGH', 'STAT'] as const;

export interface OrderDraft {
  name: string;
  pinyin: string;
  patientId: string;
  accession: string;
  /** `YYYY-MM-DD`, or empty. */
  birthDate: string;
  sex: string;
  modality: string;
  procedure: string;
  date: string;
  /** `HH:MM`, or empty. */
  time: string;
  station: string;
  referring: string;
  reason: string;
  priority: (typeof priorities)[number];
}

export function emptyOrder(date: string): OrderDraft {
  return {
    name: '',
    pinyin: '',
    patientId: '',
    accession: '',
    birthDate: '',
    sex: '',
    modality: 'CT',
    procedure: '',
    date,
    time: '',
    station: '',
    referring: '',
    reason: '',
    priority: 'ROUTINE',
  };
}

export function isComplete(draft: OrderDraft): boolean {
  return [draft.name, draft.patientId, draft.accession, draft.date].every((text) => text.trim() !== '');
}

const han = /\p{Script=Han}/u;
/** Family names of two characters that are common enough to be told from a family name of one. */
const compound = /^(欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|夏侯|长孙|宇文)(?=.)/u;

/** Family and given name as components (PS3.5 §6.2.1). */
export function components(name: string): string {
  const said = name.trim();
  if (said.includes('^')) return said;
  if (!han.test(said)) return said.replace(/\s+/, '^');
  const plain = said.replace(/\s+/g, '');
  const family = compound.exec(plain)?.[0] ?? plain.slice(0, 1);
  return plain.length > family.length ? `${family}^${plain.slice(family.length)}` : plain;
}

/** `Zhang^San=张^三`: Chinese is the ideographic group; many modalities show only the alphabetic one. */
export function personName(name: string, pinyin: string): string {
  const said = components(name);
  if (!han.test(said)) return said;
  return `${components(pinyin)}=${said}`;
}

export function wishOf(draft: OrderDraft): OrderWish {
  const station = draft.station.trim();
  return {
    patient: {
      id: draft.patientId.trim(),
      name: personName(draft.name, draft.pinyin),
      birth_date: draft.birthDate.replaceAll('-', ''),
      sex: draft.sex,
    },
    accession_number: draft.accession.trim(),
    referring_physician: draft.referring.trim() === '' ? '' : personName(draft.referring, ''),
    procedure: { description: draft.procedure.trim(), priority: draft.priority, reason: draft.reason.trim() },
    step: {
      modality: draft.modality,
      station_ae_title: station === '' ? null : station,
      start_date: draft.date.replaceAll('-', ''),
      start_time: draft.time.replace(':', ''),
      description: draft.procedure.trim(),
    },
  };
}
