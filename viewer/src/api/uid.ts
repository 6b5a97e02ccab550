/** Identifiers that are made here; also in a page without https, where there is no `crypto.randomUUID`. */

/** A random UUID (RFC 9562 §5.4). */
export function newUuid(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(random, (byte, at) => {
    if (at === 6) return (byte & 0x0f) | 0x40;
    return at === 8 ? (byte & 0x3f) | 0x80 : byte;
  }).map((byte) => byte.toString(16).padStart(2, '0'));
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)].map((part) => part.join('')).join('-');
}

/** A UID from a UUID (PS3.5 §B.2). */
export function newUid(uuid: string = newUuid()): string {
  return `2.25.${BigInt(`0x${uuid.replaceAll('-', '')}`)}`;
}
