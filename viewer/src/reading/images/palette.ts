/**
 * Palette colour tables (PS3.3 C.7.6.3.1.6) as plain numbers. They come as binary, in the metadata or behind an address,
 * and the image loader reads neither.
 */
import { fromBase64, text, type Instance } from './dicomJson';

const photometricInterpretation = '00280004';
/** Descriptor and data of red, green and blue. */
const tables = [
  ['00281101', '00281201'],
  ['00281102', '00281202'],
  ['00281103', '00281203'],
] as const;

export type FetchBytes = (address: string) => Promise<Uint8Array>;

/** Entries are 16-bit little-endian words; some devices pack one byte each instead, as the length tells. */
export function entries(bytes: Uint8Array, count: number): number[] {
  if (bytes.length < count * 2) return [...bytes.subarray(0, count)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => view.getUint16(index * 2, true));
}

/** The instance with its palette spelled out; any other instance as it is. */
export async function withPalette(instance: Instance, fetchBytes: FetchBytes): Promise<Instance> {
  if (text(instance, photometricInterpretation) !== 'PALETTE COLOR') return instance;
  const spelled: Instance = { ...instance };
  for (const [descriptor, data] of tables) {
    const element = instance[data];
    // No entries means 2^16: the count does not fit its own 16 bits.
    const count = Number(instance[descriptor]?.Value?.[0] ?? 0) || 65_536;
    if (element === undefined || element.Value !== undefined) continue;
    const bytes =
      element.InlineBinary !== undefined
        ? fromBase64(element.InlineBinary)
        : element.BulkDataURI !== undefined
          ? await fetchBytes(element.BulkDataURI)
          : null;
    if (bytes !== null) spelled[data] = { vr: 'OW', Value: entries(bytes, count) };
  }
  return spelled;
}
