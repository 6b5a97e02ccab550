/** What is known of patients, what must be asked anew after a decision, and how identities are said. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { dicomDate } from '../ui/dicomText';
import { usePatientText } from '../ui/usePatientText';
import { patients, type Identity } from './api';

const root = 'patients';

export function usePeople(q: string) {
  return useQuery({ queryKey: [root, 'list', q], queryFn: () => patients.list(q), placeholderData: (before) => before });
}

export function usePerson(id: string, enabled: boolean) {
  return useQuery({ queryKey: [root, 'one', id], queryFn: () => patients.get(id), enabled });
}

export function usePairs() {
  return useQuery({ queryKey: [root, 'pairs'], queryFn: patients.pairs });
}

export function usePair(one: string, other: string) {
  return useQuery({ queryKey: [root, 'pair', one, other], queryFn: () => patients.pair(one, other) });
}

export function useDecisions() {
  return useQuery({ queryKey: [root, 'decisions'], queryFn: patients.decisions });
}

export function useRefresh(): () => Promise<void> {
  const cache = useQueryClient();
  return useCallback(() => cache.invalidateQueries({ queryKey: [root] }), [cache]);
}

/** What two identities are compared by, row by row, in words. */
export function useRows(): (identity: Identity) => { key: string; label: string; text: string }[] {
  const { t } = useTranslation();
  const patientText = usePatientText();
  return useCallback(
    (identity) => {
      const { name, sex } = patientText(identity);
      const latin = identity.latin_name === '' ? '' : ` ${identity.latin_name}`;
      const numbers = identity.numbers.map(({ kind, issuer, value }) => `${kind === 'issued' ? issuer : t(`patients.number.${kind}`)} ${value}`);
      const rows = {
        name: `${name}${latin}`,
        sex,
        birth: dicomDate(identity.patient_birth_date),
        id: [identity.patient_id, identity.issuer].filter((part) => part !== '').join(' · '),
        numbers: numbers.join(t('common.listSeparator')),
        hospital: identity.organisation.name,
        studies: t('patients.studies', { n: identity.studies, date: dicomDate(identity.last_study_date) }),
      };
      return Object.entries(rows).map(([key, text]) => ({ key, label: t(`patients.row.${key as keyof typeof rows}`), text }));
    },
    [t, patientText],
  );
}
