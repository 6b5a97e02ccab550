/** Files of this page that are, or may be, of the study that is asked about: a question neither overtakes them nor goes without them. */
import { isFinished, type UploadItem } from '../studies/uploads';
import type { Transfer } from '../uploads/TransferQueue';

/** A study by what files are told by. */
export interface OfStudy {
  study_instance_uid: string;
  patient_id: string;
  accession_number: string;
}

export interface OwnFiles {
  /** How many are not there yet, and come by themselves or when somebody has said whose they are. */
  coming: number;
  /** How many of those are on the page of uploads. */
  elsewhere: number;
  /** What did not come, by its keys in the two queues. */
  failed: { uploads: number[]; transfers: number[] };
}

export function ownFiles(of: OfStudy, uploads: readonly UploadItem[], transfers: readonly Transfer[]): OwnFiles {
  const small = uploads.filter(({ study }) => study === null || study === of.study_instance_uid);
  const large = transfers.filter((one) => isLeft(one) && mayBeOf(one, of));
  const lost = large.filter(({ state }) => state.kind === 'failed' || state.kind === 'refused');
  const waiting = large.filter((one) => !lost.includes(one));
  return {
    coming: small.filter(({ state }) => !isFinished(state)).length + waiting.length,
    elsewhere: waiting.length,
    failed: {
      uploads: small.filter(({ state }) => state.kind === 'failed').map(({ id }) => id),
      transfers: lost.map(({ key }) => key),
    },
  };
}

export function failedCount({ failed }: OwnFiles): number {
  return failed.uploads.length + failed.transfers.length;
}

/** What was handed over may still be refused, and nobody would know of it. */
function isLeft({ state }: Transfer): boolean {
  return state.kind !== 'there';
}

/** A DICOM file says so itself; a slide is known by its number or its patient, as soon as somebody has said them. */
function mayBeOf({ isSlide, study, of: said }: Transfer, of: OfStudy): boolean {
  if (!isSlide) return study === null || study === of.study_instance_uid;
  if (said.accession_number && of.accession_number) return said.accession_number === of.accession_number;
  if (said.patient_id && of.patient_id) return said.patient_id === of.patient_id;
  return true;
}
