/** What dropped files are, by their first bytes: a CD holds more than images, and a poor line should not carry its programs. */
import { goesInPieces } from '../uploads/waysIn';

/** `pieces`: slides and large DICOM. `index`: a CD's DICOMDIR, which names the other files and is not one of them. */
export type FileKind = 'dicom' | 'pieces' | 'paper' | 'index' | 'other';

const headBytes = 1024;
const dicomdirClass = '1.2.840.10008.1.3.10';
/** HEIC is told here so that the server can say what to do about it. */
const paperMarks: readonly [at: number, mark: string][] = [
  [0, '%PDF-'],
  [0, '\xff\xd8\xff'],
  [0, '\x89PNG\r\n\x1a\n'],
  [4, 'ftyphei'],
  [4, 'ftypmif1'],
];

export async function kindOf(file: File): Promise<FileKind> {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, headBytes).arrayBuffer()));
  if (head.startsWith('DICM', 128)) {
    if (head.includes(`${dicomdirClass}\0`) || head.includes(`${dicomdirClass} `) || /^dicomdir$/i.test(file.name)) return 'index';
    return goesInPieces(file) ? 'pieces' : 'dicom';
  }
  if (paperMarks.some(([at, mark]) => head.startsWith(mark, at))) return 'paper';
  // Formats of slides are told by the server, which looks deeper; a scanner's file may be of any size.
  return goesInPieces({ name: file.name, size: 0 }) ? 'pieces' : 'other';
}

export type Sorted = Record<FileKind, File[]>;

/** All of them, in their order. */
export async function sorted(files: readonly File[]): Promise<Sorted> {
  const all: Sorted = { dicom: [], pieces: [], paper: [], index: [], other: [] };
  for (const file of files) {
    // What cannot be read, gone from its CD, say, is told of like what is something else.
    all[await kindOf(file).catch(() => 'other' as const)].push(file);
  }
  return all;
}
