/** What is sent again because the answer was lost on the line, and is to happen once: the server knows it by an identifier. */
import { isWorthRetrying } from './client';
import { newUuid } from './uid';

/** Something that was sent, and whose answer is not there. */
export interface Attempt {
  once: string;
  of: string;
}

/** The attempt before, as long as the same is sent; otherwise one that begins. */
export function attemptAt(sent: unknown, before: Attempt | null): Attempt {
  const of = JSON.stringify(sent);
  return before?.of === of ? before : { once: newUuid(), of };
}

/** For mutations that happen once, however often they are sent. */
export const sentAgain = (attempt: number, error: Error): boolean => attempt < 3 && isWorthRetrying(error);
