/** Which study a DICOM file is of, by its head. */

/** The UID stands behind the attributes of patient and study, among them a few sequences. */
const headBytes = 256 * 1024;

/** `null` for what is no DICOM file, is broken, or has it further behind. */
export async function studyOf(file: Blob): Promise<string | null> {
  try {
    const [head, { parseDicom }] = await Promise.all([file.slice(0, headBytes).arrayBuffer(), import('dicom-parser')]);
    return parseDicom(new Uint8Array(head), { untilTag: 'x0020000d' }).string('x0020000d') ?? null;
  } catch {
    return null;
  }
}
