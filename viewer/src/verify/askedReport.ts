/** The report that a QR code names: `/verify?number=…&sha256=…`. */
import type { Verdict } from '../api/types';

export interface AskedReport {
  number: string;
  sha256: string;
}

/** Nothing for a page that was opened without a code, or with something that is no code of ours. */
export function askedReport(search: URLSearchParams): AskedReport | null {
  const number = search.get('number') ?? '';
  const sha256 = search.get('sha256') ?? '';
  return /^[A-Z]{1,8}[0-9]{8}-[0-9]{1,8}$/.test(number) && /^[0-9a-f]{64}$/.test(sha256) ? { number, sha256 } : null;
}

export function isAsked(asked: AskedReport, verdict: Pick<Verdict, 'number' | 'sha256'>): boolean {
  return verdict.number === asked.number && verdict.sha256 === asked.sha256;
}
