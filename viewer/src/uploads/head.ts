/** What a DICOM file says of itself, by its first bytes: of which study it is, which instance, and where its data set begins. */
import type { DataSet } from 'dicom-parser';

export interface Head {
  /** Study Instance UID; `null` as long as nobody can tell. */
  study: string | null;
  /** SOP Instance UID; `null` for what nobody can be asked about. */
  instance: string | null;
  /** Bytes in front of the data set. */
  dataSetAt: number;
}

/** Preamble and prefix (PS3.10 §7.1). */
const prefixBytes = 132;
/** The UIDs stand behind the attributes of patient and study, among them a few sequences. */
const headBytes = 256 * 1024;
const uid = /^(?=.{1,64}$)\d+(\.\d+)*$/;
const unknown: Head = { study: null, instance: null, dataSetAt: 0 };

/** Nothing is known of what is no DICOM file, is broken, or has it further behind. */
export async function headOf(file: Blob): Promise<Head> {
  try {
    const [head, { parseDicom, readPart10Header }] = await Promise.all([file.slice(0, headBytes).arrayBuffer(), import('dicom-parser')]);
    const bytes = new Uint8Array(head);
    const attributes = parseDicom(bytes, { untilTag: 'x0020000d' });
    const instance = attributes.string('x00080018') ?? '';
    return {
      study: attributes.string('x0020000d') ?? null,
      instance: uid.test(instance) ? instance : null,
      dataSetAt: endOf(readPart10Header(bytes)),
    };
  } catch {
    return unknown;
  }
}

/** The file meta information ends with its last element: what it says of its own length is wrong in some files. */
function endOf({ elements }: DataSet): number {
  return Object.values(elements).reduce((end, { dataOffset, length }) => Math.max(end, dataOffset + length), prefixBytes);
}
