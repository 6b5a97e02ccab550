/** Which way a file goes in: small DICOM files in one request each, slides and large files in pieces. */

const slideName = /\.(svs|tiff?|btf|ndpi|scn|bif|svslide|mrxs|vms|vmu|czi)$/i;
/** What a poor line sends in half a minute or so: more is worth going on with after a break. */
const largeBytes = 8 * 1024 * 1024;

export function goesInPieces(file: Pick<File, 'name' | 'size'>): boolean {
  return slideName.test(file.name) || file.size > largeBytes;
}
