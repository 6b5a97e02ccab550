/** Bytes of ASN.1 as programs of the browser take and give them. */

export function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(binary, (one) => one.charCodeAt(0));
}

export function binaryOf(bytes: Uint8Array): string {
  let text = '';
  for (const one of bytes) text += String.fromCharCode(one);
  return text;
}

export const toBase64 = (bytes: Uint8Array): string => btoa(binaryOf(bytes));
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => bytesOf(atob(text));

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (one) => one.toString(16).padStart(2, '0')).join('');

/** An ECDSA value as WebCrypto gives it, r and s side by side (IEEE P1363), as the SEQUENCE that CMS takes (RFC 3279 §2.2.3). */
export function ecdsaToDer(value: Uint8Array): Uint8Array<ArrayBuffer> {
  const half = value.length / 2;
  const numbers = [...unsigned(value.subarray(0, half)), ...unsigned(value.subarray(half))];
  // Two numbers of P-384 are 102 bytes at most: the length fits into one.
  return Uint8Array.from([0x30, numbers.length, ...numbers]);
}

/** INTEGER, as short as can be, and never negative. */
function unsigned(bytes: Uint8Array): number[] {
  const start = bytes.findIndex((one) => one !== 0);
  const digits = start < 0 ? [0] : Array.from(bytes.subarray(start));
  const padded = digits[0] !== undefined && digits[0] > 0x7f ? [0, ...digits] : digits;
  return [0x02, padded.length, ...padded];
}
