/** The files of a drop or of a chosen folder, with those inside folders; those of one slide as one. */
import { withBundles, type PlacedFile } from '../uploads/bundle';

/** Walks folders with a list of its own rather than by recursion: what is dropped may be deep. */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return chosenFiles([...transfer.files]);
  const files: PlacedFile[] = [];
  for (let entry = entries.shift(); entry !== undefined; entry = entries.shift()) {
    if (isFile(entry)) files.push({ file: await fileOf(entry), folder: folderOf(entry.fullPath) });
    else if (isDirectory(entry)) entries.push(...(await entriesOf(entry)));
  }
  return withBundles(files);
}

/** Files that were chosen one by one lie in one folder; those of a chosen folder say where in it. */
export function chosenFiles(files: readonly File[]): Promise<File[]> {
  return withBundles(files.map((file) => ({ file, folder: folderOf(file.webkitRelativePath) })));
}

// Chromium has entries and not their classes' names, so `instanceof` would throw there.
function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function folderOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at).replace(/^\//, '');
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** `readEntries` hands out a hundred at a time until an empty answer. */
async function entriesOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
