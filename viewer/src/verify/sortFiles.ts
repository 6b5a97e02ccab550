/** Which of the files somebody dropped is the report and which its signature. */

export interface ReportFiles {
  report: File | null;
  signature: File | null;
}

/** A detached signature is a `.p7s`; the report is JSON or a PDF, by name or by type. Later files replace earlier ones. */
export function sortFiles(have: ReportFiles, files: readonly File[]): ReportFiles {
  return files.reduce<ReportFiles>((sorted, file) => {
    if (/\.p7s$|\.p7m$/i.test(file.name) || file.type === 'application/pkcs7-signature') return { ...sorted, signature: file };
    if (/\.(json|pdf)$/i.test(file.name) || file.type === 'application/pdf' || file.type === 'application/json') {
      return { ...sorted, report: file };
    }
    return sorted;
  }, have);
}

/** A PDF carries its signature; canonical JSON needs one beside it. */
export function readyToVerify({ report, signature }: ReportFiles): boolean {
  return report !== null && (signature !== null || /\.pdf$/i.test(report.name) || report.type === 'application/pdf');
}
