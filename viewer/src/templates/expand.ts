/** Phrases in a text: an abbreviation becomes its text, and its places are filled one after another. Knows nothing of React. */
import type { Phrase } from './api';

export interface Edited {
  text: string;
  /** What is selected afterwards. */
  from: number;
  to: number;
}

const abbreviation = /\/([\p{L}\p{N}]{1,20})$/u;
const place = /\{[^{}\n]{0,40}\}/gu;

/** What is known of the case, under the names that people write in braces. */
export type Known = (name: string) => string | null;

/** The text of a phrase with what is known in its places; other places stay, to be filled. */
export function filledIn(text: string, known: Known): string {
  return text.replace(place, (whole) => known(whole.slice(1, -1).trim().toLowerCase()) ?? whole);
}

/** Puts a phrase in place of what is selected, and selects its first open place. */
export function inserted(text: string, from: number, to: number, phrase: string): Edited {
  const next = text.slice(0, from) + phrase + text.slice(to);
  const [open] = phrase.matchAll(place);
  if (open === undefined) return { text: next, from: from + phrase.length, to: from + phrase.length };
  return { text: next, from: from + open.index, to: from + open.index + open[0].length };
}

/** What the key that expands means here: an abbreviation before the caret, else the next open place, else nothing. */
export function expanded(text: string, from: number, to: number, phrases: readonly Phrase[], known: Known): Edited | null {
  if (from === to) {
    const typed = abbreviation.exec(text.slice(0, from));
    const phrase = typed === null ? undefined : phrases.find((one) => one.abbreviation === typed[1]?.toLowerCase());
    if (typed !== null && phrase !== undefined) return inserted(text, typed.index, to, filledIn(phrase.text, known));
  }
  for (const open of text.matchAll(place)) {
    if (open.index >= to) return { text, from: open.index, to: open.index + open[0].length };
  }
  return null;
}

/** Phrases whose abbreviation, title or text has what is looked for; an abbreviation that begins with it comes first. */
export function found(phrases: readonly Phrase[], looked: string): Phrase[] {
  const wanted = looked.trim().toLowerCase().replace(/^\//, '');
  const matching = phrases.filter(({ abbreviation: short, title, text }) => `${short} ${title} ${text}`.toLowerCase().includes(wanted));
  const rank = ({ abbreviation: short }: Phrase) => (short.startsWith(wanted) ? 0 : 1);
  return matching.sort((a, b) => rank(a) - rank(b) || a.abbreviation.localeCompare(b.abbreviation));
}
