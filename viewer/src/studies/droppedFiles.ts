/** The files of a drop, with those inside dropped folders. */

/** Walks folders with a list of its own rather than by recursion: what is dropped may be deep. */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  const files: File[] = [];
  for (let entry = entries.shift(); entry !== undefined; entry = entries.shift()) {
    if (entry instanceof FileSystemFileEntry) files.push(await fileOf(entry));
    else if (entry instanceof FileSystemDirectoryEntry) entries.push(...(await entriesOf(entry)));
  }
  return files;
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
