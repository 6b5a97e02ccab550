/** Words of a report that this browser could not send: kept until they can be, but never over what a colleague wrote since. */
import type { Consult, ReportDraft } from '../api/types';
import { readStored, writeStored } from '../ui/useStored';

interface Unsent {
  /** When they were typed, on this computer's clock. */
  at: string;
  report: ReportDraft;
}

export function unsentKey(consultId: string, personId: string): string {
  return `farsight.report.${consultId}.${personId}`;
}

export function keepUnsent(key: string, report: ReportDraft | null, now = new Date()): void {
  if (report === null) localStorage.removeItem(key);
  else writeStored(key, { at: now.toISOString(), report } satisfies Unsent);
}

/** `null` when there are none, or when somebody else has read the case since they were typed. */
export function unsentWords(key: string, consult: Pick<Consult, 'timeline'>, personId: string): ReportDraft | null {
  const kept = readStored<Partial<Unsent> | null>(key, null);
  if (kept?.report === undefined || kept.at === undefined) return null;
  return wasReadSince(consult, personId, kept.at) ? null : kept.report;
}

export function wasReadSince(consult: Pick<Consult, 'timeline'>, personId: string, at: string): boolean {
  return consult.timeline.some(
    ({ state, by, at: when }) => state === 'reading' && by !== null && by.id !== personId && Date.parse(when) > Date.parse(at),
  );
}
