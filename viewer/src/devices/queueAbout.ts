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
