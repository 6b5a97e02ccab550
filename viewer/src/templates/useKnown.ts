/** What phrases can take from the case: who the patient is, when the examination was, and what an earlier report measured. */
import { useTranslation } from 'react-i18next';
import type { Consult } from '../api/types';
import { dicomDate } from '../ui/dicomText';
import type { Phrase } from './api';
import type { Known } from './expand';
import { usePriorReports } from './usePriorReports';

const plain = ['sex', 'age', 'examDate', 'exam', 'priorDate'] as const;

export function useKnown(consult: Consult, phrases: readonly Phrase[]): Known {
  const { t, i18n } = useTranslation();
  const priorPrefix = t('phrases.place.prior').toLowerCase();
  // Earlier reports are asked for only where a phrase speaks of them.
  const asksPrior = phrases.some(({ text }) => text.toLowerCase().includes(`{${priorPrefix}`));
  const prior = usePriorReports(consult.id, asksPrior).data?.reports[0];
  const sexes: readonly string[] = ['M', 'F', 'O'];
  const values: Record<(typeof plain)[number], string | undefined> = {
    sex: sexes.includes(consult.patient_sex) ? t(`patient.sex.${consult.patient_sex}` as 'patient.sex.M') : undefined,
    age: consult.patient_age,
    examDate: dicomDate(consult.study.study_date),
    exam: consult.study.description,
    priorDate: prior === undefined ? undefined : dicomDate(prior.exam.date),
  };
  return (name) => {
    const asked = plain.find((one) => i18n.t(`phrases.place.${one}`).toLowerCase() === name);
    const said = asked === undefined ? measured(name) : values[asked];
    return said === undefined || said === '' ? null : said;
  };

  /** `{prior: label}`: a field of the newest earlier report. */
  function measured(name: string): string | undefined {
    if (!name.startsWith(priorPrefix)) return undefined;
    const label = name.slice(priorPrefix.length).replace(/^\s*[:\uff1a]\s*/, '');
    return prior?.fields.find((field) => field.label.toLowerCase() === label)?.text;
  }
}
