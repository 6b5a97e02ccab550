/** Which of the files somebody dropped is the report and which are its signatures. */

export interface ReportFiles {
  report: File | null;
  signatures: readonly File[];
}

/** A detached signature is a `.p7s`; the report is JSON or a PDF, by name or by type. Another report replaces all. */
export function sortFiles(have: ReportFiles, files: readonly File[]): ReportFiles {
  const report = files.find(isReport);
  const signatures = files.filter(isSignature);
  if (report !== undefined && have.report !== null) return { report, signatures };
  const known = have.signatures.filter(({ name }) => signatures.every((added) => added.name !== name));
  return { report: report ?? have.report, signatures: [...known, ...signatures] };
}

function isSignature(file: File): boolean {
  return /\.p7[sm]$/i.test(file.name) || file.type === 'application/pkcs7-signature';
}

function isReport(file: File): boolean {
  return /\.(json|pdf)$/i.test(file.name) || file.type === 'application/pdf' || file.type === 'application/json';
}

/** A PDF carries its signatures; canonical JSON needs them beside it. */
export function readyToVerify({ report, signatures }: ReportFiles): boolean {
  return report !== null && (signatures.length > 0 || /\.pdf$/i.test(report.name) || report.type === 'application/pdf');
}
