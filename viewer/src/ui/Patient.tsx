/** A patient's name with sex and age behind it, and a mark where the name is a pseudonym. */
import { useTranslation } from 'react-i18next';
import { Chip } from './Chip';
import classes from './Patient.module.css';
import { usePatientText } from './usePatientText';

interface Props {
  patient: { patient_name: string; patient_sex?: string; patient_age?: string; is_deidentified?: boolean };
}

export function Patient({ patient }: Props) {
  const { t } = useTranslation();
  const { name, sex, age } = usePatientText()(patient);
  return (
    <span className={classes.patient}>
      <strong>{name}</strong>
      {patient.is_deidentified === true && (
        <span title={t('patient.deidentifiedHint')}>
          <Chip tone="done">{t('patient.deidentified')}</Chip>
        </span>
      )}
      {sex !== '' && <span>{sex}</span>}
      {age !== '' && <span>{age}</span>}
    </span>
  );
}
