/** Words of an opinion that the server does not have yet: kept in this browser, but never put over what was written elsewhere. */
import { tidy } from '../reading/unsent';
import { readStored, writeStored } from '../ui/useStored';

export interface UnsentOpinion {
  text: string;
  /** What the server held when they were written. */
  over: string;
}

export function unsentOpinionKey(consultId: string, n: number, personId: string): string {
  return `farsight.opinion.${consultId}.${n}.${personId}`;
}

export function keepOpinion(key: string, unsent: UnsentOpinion | null): void {
  if (unsent === null) localStorage.removeItem(key);
  else writeStored(key, unsent);
}

export function keptOpinion(key: string): UnsentOpinion | null {
  return readStored<UnsentOpinion | null>(key, null);
}

export interface OpinionBeginning {
  text: string;
  /** Words kept here that must be sent. */
  toSend: boolean;
  /** Words kept here that were not written over what the server holds: a person decides. */
  other: string | null;
}

/** With what writing begins, given what the server holds and what this browser kept. */
export function opinionBeginning(server: string, unsent: UnsentOpinion | null): OpinionBeginning {
  if (unsent === null || tidy(unsent.text) === tidy(server)) return { text: server, toSend: false, other: null };
  if (tidy(unsent.over) !== tidy(server)) return { text: server, toSend: false, other: unsent.text };
  return { text: unsent.text, toSend: true, other: null };
}
