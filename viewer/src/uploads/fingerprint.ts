/** What a file is recognised by after a break or a reload, and what its first bytes say it is. */
import { Sha256 } from './sha256';

const headBytes = 64 * 1024;

/** SHA-256 over name, length, time and the first bytes: computed in a moment, however large the file. */
export async function fingerprint(file: File): Promise<string> {
  return new Sha256()
    .update(new TextEncoder().encode(JSON.stringify([file.name, file.size, file.lastModified])))
    .update(new Uint8Array(await file.slice(0, headBytes).arrayBuffer()))
    .hex();
}

/** Whether a file begins as DICOM does (PS3.10 §7.1). */
export async function isDicom(file: File): Promise<boolean> {
  const mark = new Uint8Array(await file.slice(128, 132).arrayBuffer());
  return String.fromCharCode(...mark) === 'DICM';
}
