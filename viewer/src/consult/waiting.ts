/** Questions that go by themselves once their images are there, while whoever asked is on another page. */
import { askBeforeLeavingWhile } from '../uploads/leaving';
import type { AskStudy } from './askDraft';

export interface Waiting {
  /** Id of who asks: it goes as theirs or not at all. */
  person: string;
  /** The draft on the server; `null` when it has not come there. */
  kept: { id: string; version: number } | null;
  /** With which it is sent there, if that has begun. */
  once: string | null;
  study: AskStudy;
  /** The request as it was sent. */
  asked: string;
  /** The consult as which it has gone, which is said until somebody has read it. */
  sent: string | null;
}

const noteKey = 'farsight.waiting';

let list: readonly Waiting[] = [];
let onPage: string | null = null;
const listeners = new Set<() => void>();

/** The request that waited when the page was loaded again: with it went the files that it waited for. */
export const interrupted = note();

function note(): string | null {
  try {
    return sessionStorage.getItem(noteKey);
  } catch {
    return null;
  }
}

function change(next: readonly Waiting[]): void {
  list = next;
  listeners.forEach((listener) => listener());
  const [asked] = [onPage, ...next.filter(({ sent }) => sent === null).map((one) => one.asked)].filter((one) => one !== null);
  try {
    if (asked === undefined) sessionStorage.removeItem(noteKey);
    else sessionStorage.setItem(noteKey, asked);
  } catch {
    // Then nobody is told after the page was loaded again.
  }
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function waitingElsewhere(): readonly Waiting[] {
  return list;
}

/** What waits on the page where it is written. */
export function noteOnPage(asked: string | null): void {
  if (asked === onPage) return;
  onPage = asked;
  change(list);
}

/** Its page is left. */
export function waitElsewhere(one: Waiting): void {
  change([...list.filter(({ asked }) => asked !== one.asked), one]);
}

/** It has gone, is not wanted, or its page is there again. */
export function drop({ asked }: Pick<Waiting, 'asked'>): void {
  if (list.some((one) => one.asked === asked)) change(list.filter((one) => one.asked !== asked));
}

askBeforeLeavingWhile(() => onPage !== null || list.some(({ sent }) => sent === null));
