/** What the parts of a report are called: images have findings, tissue has what the microscope shows. */
import { useTranslation } from 'react-i18next';
import type { ConsultRow } from '../api/types';

export interface ReportWords {
  findings: string;
  diagnosis: string;
  recommendation: string;
}

export function useReportWords(consult: Pick<ConsultRow, 'slide_id'>): ReportWords {
  const { t } = useTranslation();
  return {
    findings: consult.slide_id === null ? t('report.findings') : t('report.microscopic'),
    diagnosis: t('report.diagnosis'),
    recommendation: t('report.recommendation'),
  };
}
