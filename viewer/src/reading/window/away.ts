/** Whether the report of this window's case is in a window of its own: known to the whole page, from one case to the next. */
import { canPair, lineOf, ownPair, watchReport, type Line, type ToImages, type ToReport } from './pairing';

/** `null` until it is known. */
let isAway: boolean | null = canPair() ? null : false;
let line: Line<ToImages, ToReport> | null = null;
const tellers = new Set<() => void>();
const hearers = new Set<(message: ToImages) => void>();

function become(next: boolean): void {
  if (isAway === next) return;
  isAway = next;
  tellers.forEach((tell) => tell());
}

function start(): void {
  if (line !== null || !canPair()) return;
  const pair = ownPair();
  line = lineOf<ToImages, ToReport>(pair, 'images');
  const look = watchReport(pair, become);
  line.hear((message) => {
    if (message.what === 'ready') look();
    hearers.forEach((hear) => hear(message));
  });
}

export function subscribeAway(tell: () => void): () => void {
  start();
  tellers.add(tell);
  return () => tellers.delete(tell);
}

export const readAway = (): boolean | null => isAway;

export function sayToReport(message: ToReport): void {
  line?.say(message);
}

export function hearReport(hear: (message: ToImages) => void): () => void {
  start();
  hearers.add(hear);
  return () => hearers.delete(hear);
}
