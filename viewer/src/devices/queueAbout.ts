/** What a job in the queue is about, in one line: the most particular of its UIDs. */
import type { JsonValue } from '../api/types';

const names = ['instance', 'series', 'study', 'transaction'];

export function queueAbout(about: { [key: string]: JsonValue }): string {
  for (const name of names) {
    const value = about[name];
    if (typeof value === 'string') return value;
  }
  const first = Object.values(about).find((value) => typeof value === 'string');
  return typeof first === 'string' ? first : '';
}

/** The DIMSE status (PS3.7 Annex C) in a problem's words, such as `A700H`. */
export function statusOf(problem: string): string {
  return /\b[0-9A-F]{4}H\b/.exec(problem)?.[0] ?? '';
}
