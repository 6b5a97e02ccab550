/** What is on the screen at the moment, for whoever wants to show it to others. */
import type { Mark, NewMessage } from './api';

export interface CurrentView {
  /** The address that opens it again. */
  address: string;
  /** The point that was pressed last, or the one in the middle. */
  mark: Mark | null;
}

let ask: (() => CurrentView | null) | null = null;

/** The place that shows images says how to find out what it shows; returns what takes that back. */
export function offerView(now: () => CurrentView | null): () => void {
  ask = now;
  return () => {
    if (ask === now) ask = null;
  };
}

export function currentView(): CurrentView | null {
  return ask?.() ?? null;
}

/** Written as `%E5%8D%81`, the word of a mark still fits into the address that a message may have. */
export const labelMax = 100;

/** The mark with its word, also in the address, so that it is there where the view is opened. */
export function labelled(shown: CurrentView | null, label: string): Pick<NewMessage, 'marks' | 'view'> {
  if (shown === null) return { marks: [], view: null };
  const marks = shown.mark === null ? [] : [{ ...shown.mark, label }];
  if (shown.mark?.on !== 'image' || label === '') return { marks, view: shown.address };
  // The server takes no address with two dots in a row.
  const word = new URLSearchParams({ label }).toString().replaceAll('.', '%2E');
  return { marks, view: `${shown.address}&${word}` };
}
