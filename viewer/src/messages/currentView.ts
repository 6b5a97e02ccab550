/** What is on the screen at the moment, for whoever wants to show it to others. */
import type { Mark } from './api';

export interface CurrentView {
  /** The address that opens it again. */
  address: string;
  /** The point in the middle. */
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
