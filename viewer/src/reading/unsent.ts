/** Words of a report that this browser could not send: kept until they can be, but never put over what was written elsewhere. */
import type { ReportDraft } from '../api/types';
import { readStored, writeStored } from '../ui/useStored';

export interface Unsent {
  report: ReportDraft;
  /** What the server may hold if nobody else wrote: see {@link wordsOf}. Empty in what an earlier release kept. */
  over: readonly string[];
}

export function unsentKey(consultId: string, personId: string): string {
  return `farsight.report.${consultId}.${personId}`;
}

/** Two windows of one browser each keep their own words: neither lets go of the other's. */
const thisWindow = Math.random().toString(36).slice(2);
const listeners = new Set<() => void>();

function placeOf(key: string): string {
  return `${key}#${thisWindow}`;
}

export function keepUnsent(key: string, unsent: Unsent | null): void {
  if (unsent === null) localStorage.removeItem(placeOf(key));
  else writeStored(placeOf(key), { ...unsent, at: Date.now() });
  listeners.forEach((tell) => tell());
}

type Kept = Partial<Unsent> & { at?: number };

/** Where words are kept: this window's own, otherwise the newest of those that other windows have left. */
function newestPlace(key: string): string | null {
  const own = placeOf(key);
  if (localStorage.getItem(own) !== null) return own;
  const places = Object.keys(localStorage).filter((place) => place === key || place.startsWith(`${key}#`));
  const at = (place: string) => readStored<Kept | null>(place, null)?.at ?? 0;
  return places.sort((a, b) => at(b) - at(a))[0] ?? null;
}

/** Words to go on with; from here on they are this window's to keep, and to let go of. */
export function unsentWords(key: string): Unsent | null {
  const place = newestPlace(key);
  const kept = place === null ? null : readStored<Kept | null>(place, null);
  if (kept?.report === undefined) return null;
  if (place !== null && place !== placeOf(key)) {
    writeStored(placeOf(key), kept);
    // A full storage has not taken them: they stay where they are.
    if (localStorage.getItem(placeOf(key)) !== null) localStorage.removeItem(place);
  }
  return { report: kept.report, over: kept.over ?? [] };
}

/** Tells of every change to what is kept, in this window and in others. */
export function watchUnsent(tell: () => void): () => void {
  listeners.add(tell);
  window.addEventListener('storage', tell);
  return () => {
    listeners.delete(tell);
    window.removeEventListener('storage', tell);
  };
}

/** What is kept, as text, without taking it over. */
export function unsentText(key: string): string | null {
  const place = newestPlace(key);
  return place === null ? null : localStorage.getItem(place);
}

/** Forgets what {@link unsentText} shows. */
export function forgetUnsent(key: string): void {
  const place = newestPlace(key);
  if (place !== null) localStorage.removeItem(place);
  listeners.forEach((tell) => tell());
}

function entries<Kept>(of: Readonly<Record<string, Kept>> | undefined): [string, Kept][] {
  return Object.entries(of ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Words as the server tidies them. */
export function tidy(text: string | undefined): string {
  return (text ?? '').replace(/\r\n?|[\u2028\u2029]/g, '\n').replace(/\t/g, '    ').trim();
}

/** What somebody wrote in a report, to compare: as the server tidies it, and without what was only looked at. */
export function wordsOf(report: Partial<ReportDraft> | null): string {
  const values = entries(report?.values).map(([key, list]) => [key, list.map(tidy).filter((value) => value !== '').sort()] as const);
  const filled = [
    report?.template_version == null ? [] : [report.template, report.template_version],
    values.filter(([, list]) => list.length > 0),
    entries(report?.sections)
      .map(([key, text]) => [key, tidy(text)])
      .filter(([, text]) => text !== ''),
    (report?.compared ?? []).map(({ consult_id }) => consult_id),
  ];
  return JSON.stringify([
    tidy(report?.findings),
    tidy(report?.diagnosis),
    tidy(report?.recommendation),
    (report?.key_images ?? []).map((image) => ('bookmark' in image ? image.bookmark : `${image.id} ${tidy(image.name)}`)),
    // What an earlier release kept in a browser has none of these.
    ...(filled.some((part) => part.length > 0) ? [filled] : []),
  ]);
}

export interface Beginning {
  /** What is written on. */
  report: Partial<ReportDraft> | null;
  /** Words kept here that must be sent. */
  toSend: boolean;
  /** Words kept here that were not written over what the server holds: a person decides. */
  other: ReportDraft | null;
}

/** With what writing begins, given what the server holds and what this browser kept. */
export function beginning(server: ReportDraft | null, unsent: Unsent | null): Beginning {
  if (unsent === null || wordsOf(unsent.report) === wordsOf(server)) return { report: server, toSend: false, other: null };
  if (!unsent.over.includes(wordsOf(server))) return { report: server, toSend: false, other: unsent.report };
  return { report: { ...unsent.report, displayed: server?.displayed ?? [] }, toSend: true, other: null };
}
