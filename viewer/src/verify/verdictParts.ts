/** The findings of a verdict in the order in which people ask: is it whole, who signed, when, on what. */
import type { Verdict, VerdictPart } from '../api/types';

export const allParts = ['integrity', 'coverage', 'credential', 'chain', 'revocation', 'time_stamp', 'evidence', 'superseded'] as const;

export type VerdictPartName = (typeof allParts)[number];

/** Without what was not brought: JSON has no page to be covered. */
export function verdictParts(verdict: Verdict): VerdictPartName[] {
  return allParts.filter((part) => part !== 'coverage' || verdict.coverage.result !== 'not_present');
}

/** Why a finding is what it is, in the language of the page. */
export function detailOf(part: VerdictPart, language: string): string {
  return language.startsWith('zh') ? part.detail : part.detail_en;
}
