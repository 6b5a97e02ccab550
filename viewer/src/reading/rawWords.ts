/** What was written, without the template that would give it its labels. */
import type { ReportWords } from '../consult/useReportWords';
import type { Filled } from '../templates/fill';

export function rawWords(filled: Filled, words: ReportWords): [label: string, text: string][] {
  const all: [string, string][] = [
    [words.findings, filled.findings],
    [words.diagnosis, filled.diagnosis],
    [words.recommendation, filled.recommendation],
    ...Object.entries(filled.sections),
    ...Object.entries(filled.values).map(([key, values]): [string, string] => [key, values.join(' ')]),
  ];
  return all.filter(([, text]) => text.trim() !== '');
}
