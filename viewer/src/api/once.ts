/** What is sent again because the answer was lost on the line, and is to happen once: the server knows it by an identifier. */
import { isWorthRetrying } from './client';

/** Something that was sent, and whose answer is not there. */
export interface Attempt {
  once: string;
  of: string;
}

/** A UUID (RFC 9562 §5.4); also of a page without https, where there is no `crypto.randomUUID`. */
export function newOnce(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(random, (byte, at) => {
    if (at === 6) return (byte & 0x0f) | 0x40;
    return at === 8 ? (byte & 0x3f) | 0x80 : byte;
  }).map((byte) => byte.toString(16).padStart(2, '0'));
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)].map((part) => part.join('')).join('-');
}

/** The attempt before, as long as the same is sent; otherwise one that begins. */
export function attemptAt(sent: unknown, before: Attempt | null): Attempt {
  const of = JSON.stringify(sent);
  return before?.of === of ? before : { once: newOnce(), of };
}

/** For mutations that happen once, however often they are sent. */
export const sentAgain = (attempt: number, error: Error): boolean => attempt < 3 && isWorthRetrying(error);
