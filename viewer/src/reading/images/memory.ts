/** Which images are in memory, counted for each series as they come and go. */
import { useSyncExternalStore } from 'react';
import { memory_bytes, whenImagesCome } from './Stage';

const told_ms = 300;
const counts = new Map<string, number>();
const listeners = new Set<() => void>();
const mib = 1024 * 1024;

export interface Memory {
  /** Images by Series Instance UID. */
  bySeries: ReadonlyMap<string, number>;
  mb: number;
}

let snapshot: Memory = { bySeries: new Map(), mb: 0 };
let waiting = false;
let isCounting = false;

function tell(): void {
  if (waiting) return;
  waiting = true;
  // Hundreds come in a second; people need a glance.
  setTimeout(() => {
    waiting = false;
    snapshot = { bySeries: new Map(counts), mb: Math.round(memory_bytes() / mib) };
    listeners.forEach((listener) => listener());
  }, told_ms);
}

/** From the first image on. */
export function countImages(): void {
  if (isCounting) return;
  isCounting = true;
  whenImagesCome((imageId, isHere) => {
    const series = /\/series\/([^/]+)\//.exec(imageId)?.[1];
    if (series === undefined) return;
    counts.set(series, Math.max(0, (counts.get(series) ?? 0) + (isHere ? 1 : -1)));
    tell();
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function useMemory(): Memory {
  return useSyncExternalStore(subscribe, () => snapshot);
}
