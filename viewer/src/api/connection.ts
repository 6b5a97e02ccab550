/** Whether the server answers, and how far this computer's clock is from the server's. */

type Listener = () => void;

const listeners = new Set<Listener>();
let reachable = true;
let skew_ms = 0;

export function subscribe(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function isReachable(): boolean {
  return reachable;
}

export function setReachable(next: boolean): void {
  if (next === reachable) return;
  reachable = next;
  listeners.forEach((listener) => listener());
}

/** Old office computers are often minutes off; a clock counting down to a deadline must not be. */
export function noteServerDate(header: string | null): void {
  const at = header === null ? Number.NaN : Date.parse(header);
  if (!Number.isNaN(at)) skew_ms = at - Date.now();
}

/** The present moment by the server's clock, in milliseconds since the epoch. */
export function serverNow(): number {
  return Date.now() + skew_ms;
}
