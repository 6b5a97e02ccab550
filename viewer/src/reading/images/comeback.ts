/** Images that did not come while nobody was logged in, or the server did not answer, are asked for again when that has passed. */
import { Enums, eventTarget } from '@cornerstonejs/core';
import { relogin } from '../../api/client';
import { isReachable, subscribe } from '../../api/connection';

const listeners = new Set<() => void>();
let asking: Promise<void> | null = null;

/** Tells when it is worth asking again; returns what ends that. */
export function whenImagesComeBack(tell: () => void): () => void {
  listeners.add(tell);
  const away = subscribe(() => {
    if (isReachable()) tell();
  });
  return () => {
    listeners.delete(tell);
    away();
  };
}

/** What the loader says of a request that failed. */
export function imageRefused({ status }: { status?: number }): void {
  if (status !== 401 || asking !== null) return;
  asking = relogin().then((isBack) => {
    asking = null;
    if (isBack) listeners.forEach((tell) => tell());
  });
}

/** The loader tells of an image that did not come by an event, and besides rejects promises that nobody holds. */
export function quietLoader(): void {
  const told = new WeakSet<object>();
  const note = (event: Event) => {
    const { error } = (event as CustomEvent<{ error?: unknown }>).detail;
    if (typeof error === 'object' && error !== null) told.add(error);
  };
  eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_FAILED, note);
  eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_ERROR, note);
  window.addEventListener('unhandledrejection', (event) => {
    const reason: unknown = event.reason;
    if (reason instanceof XMLHttpRequest || (typeof reason === 'object' && reason !== null && told.has(reason))) event.preventDefault();
  });
}
