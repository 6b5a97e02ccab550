/** A patient's name with sex and age behind it. */
import classes from './Patient.module.css';
import { usePatientText } from './usePatientText';

interface Props {
  patient: { patient_name: string; patient_sex?: string; patient_age?: string };
}

export function Patient({ patient }: Props) {
  const { name, sex, age } = usePatientText()(patient);
  return (
    <span className={classes.patient}>
      <strong>{name}</strong>
      {sex !== '' && <span>{sex}</span>}
      {age !== '' && <span>{age}</span>}
    </span>
  );
}
