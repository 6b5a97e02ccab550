/** Whether the line is up, for whoever shows or needs it. */
import type { LineState } from './LiveLine';

type Listener = () => void;

const listeners = new Set<Listener>();
let state: LineState = 'connecting';

export function subscribeLine(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function lineState(): LineState {
  return state;
}

export function setLineState(next: LineState): void {
  if (next === state) return;
  state = next;
  listeners.forEach((listener) => listener());
}
