/**
 * Slides of several files (MIRAX, Hamamatsu VMS and VMU) go up as one: an archive (POSIX tar, "ustar") of the file that is
 * opened and of those that belong to it. It is the archive that the server makes of such files itself, byte for byte, so the
 * same slide is recognised whichever way it came; and it is only described here: a `Blob` of headers and files that is read
 * piece by piece.
 */
const block = 512;
const nameBytesMax = 100;
/** Names beside these in a list (VMS, VMU) are other files' business. */
const listKeys = new Set(['imagefile', 'mapfile', 'macroimage', 'optimisationfile']);
/** Bytes of a list. */
const listBytesMax = 1024 * 1024;

/** A file and the folder that it was in, below what was dropped or chosen; names are joined by `/`. */
export interface PlacedFile {
  file: File;
  folder: string;
}

/** Files as they go up: those of one slide as one, all others as they are. */
export async function withBundles(placed: readonly PlacedFile[]): Promise<File[]> {
  const taken = new Set<PlacedFile>();
  const bundles: File[] = [];
  for (const first of placed) {
    const others = await belongingTo(first, placed);
    if (others === null || ![first, ...others].every(({ file }) => fits(file.name)) || !fits(stem(first.file))) continue;
    [first, ...others].forEach((one) => taken.add(one));
    const prefix = isMirax(first.file) ? `${stem(first.file)}/` : '';
    bundles.push(archive([{ name: first.file.name, file: first.file }, ...others.map(({ file }) => ({ name: prefix + file.name, file }))]));
  }
  return [...placed.filter((one) => !taken.has(one)).map(({ file }) => file), ...bundles];
}

/** Whether a header has room for a name, as the server takes them. */
const fits = (name: string) => new TextEncoder().encode(name).length <= nameBytesMax;
const isMirax = ({ name }: File) => /\.mrxs$/i.test(name);
const isList = ({ name }: File) => /\.(vms|vmu)$/i.test(name);
const stem = ({ name }: File) => name.replace(/\.[^.]*$/, '');

/** What else a slide is made of, in the order of its archive; `null` for what is a slide by itself, or lacks a file. */
async function belongingTo(first: PlacedFile, placed: readonly PlacedFile[]): Promise<PlacedFile[] | null> {
  if (isMirax(first.file)) {
    const inner = first.folder === '' ? stem(first.file) : `${first.folder}/${stem(first.file)}`;
    const others = placed.filter(({ file, folder }) => folder === inner && !file.name.startsWith('.'));
    return others.length === 0 ? null : others.sort((a, b) => compareNames(a.file.name, b.file.name));
  }
  if (!isList(first.file) || first.file.size > listBytesMax) return null;
  const others = namesIn(await first.file.text()).map((name) => placed.find(({ file, folder }) => folder === first.folder && file.name === name));
  return others.length === 0 || others.includes(undefined) ? null : (others as PlacedFile[]);
}

/** By code points, as the server orders bytes of UTF-8. */
function compareNames(a: string, b: string): number {
  const [one, other] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 ? one.length - other.length : (one[at] ?? 0) - (other[at] ?? -1);
}

/** The files that a VMS or VMU file names, each once: `ImageFile=`, `ImageFile(1,0)=` and so on. */
export function namesIn(list: string): string[] {
  const names = list.split(/\r?\n/).flatMap((line) => {
    const [key = '', ...value] = line.split('=');
    const name = value.join('=').trim();
    return name !== '' && listKeys.has((key.split('(')[0] ?? '').trim().toLowerCase()) ? [name] : [];
  });
  return [...new Set(names)];
}

export interface Member {
  name: string;
  file: File;
}

/** The archive under the first file's name, as people know the slide. */
export function archive(members: readonly Member[]): File {
  const parts = members.flatMap(({ name, file }) => [header(name, file.size), file, new Uint8Array((block - (file.size % block)) % block)]);
  const lastModified = Math.max(...members.map(({ file }) => file.lastModified));
  return new File([...parts, new Uint8Array(2 * block)], members[0]?.file.name ?? '', { lastModified });
}

/** A header without time and owner (POSIX.1-1988, ustar). */
function header(name: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(block);
  const put = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  const octal = (at: number, length: number, value: number) => put(at, value.toString(8).padStart(length - 1, '0'));
  const [prefix, last] = splitName(name);
  put(0, last);
  put(345, prefix);
  octal(100, 8, 0o644);
  octal(136, 12, 0);
  if (size < 8 ** 11) octal(124, 12, size);
  else {
    // Base 256, where eleven octal digits do not reach.
    let rest = BigInt(size);
    for (let at = 135; at > 124; at -= 1, rest >>= 8n) bytes[at] = Number(rest & 255n);
    bytes[124] = 0x80;
  }
  put(156, '0');
  put(257, 'ustar\0' + '00');
  bytes.fill(0x20, 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  octal(148, 8, sum);
  bytes[155] = 0;
  return bytes;
}

/** A long name's folder goes into a field of its own. */
function splitName(name: string): [prefix: string, last: string] {
  const at = name.indexOf('/');
  const isLong = new TextEncoder().encode(name).length > nameBytesMax;
  return isLong && at > 0 ? [name.slice(0, at), name.slice(at + 1)] : ['', name];
}
