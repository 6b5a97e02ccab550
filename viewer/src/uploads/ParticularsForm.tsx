/** Whose a slide is: the fields, and the sentence that they make, to be read before saying yes. */
import { Select, SimpleGrid, Text, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { dicomDate } from '../ui/dicomText';
import type { Particulars } from './api';
import { isSex, sexes } from './patient';
import classes from './Uploads.module.css';

const slideFields = ['patient_name', 'patient_id', 'accession_number', 'block', 'stain', 'patient_birth_date', 'patient_sex'] as const;
const patientFields = ['patient_name', 'patient_id', 'patient_birth_date', 'patient_sex', 'accession_number'] as const;

interface Props {
  of: Particulars;
  onChange: (of: Particulars) => void;
  /** After the import only the patient can still be said. */
  only?: 'patient';
  disabled?: boolean;
}

export function ParticularsForm({ of, onChange, only, disabled = false }: Props) {
  const { t } = useTranslation();
  const fields = only === 'patient' ? patientFields : slideFields;
  const input = (field: (typeof fields)[number]) => {
    const put = (value: string) => onChange({ ...of, [field]: value === '' ? undefined : value });
    const said = of[field] ?? '';
    const common = { label: t(`transfer.field.${field}`), disabled };
    if (field === 'patient_sex') {
      const data = sexes.map((sex) => ({ value: sex, label: t(`patient.sex.${sex}`) }));
      return <Select {...common} key={field} clearable data={data} value={said === '' ? null : said} onChange={(sex) => put(sex ?? '')} />;
    }
    if (field === 'patient_birth_date') {
      return (
        <TextInput {...common} key={field} type="date" value={dicomDate(said)} onChange={(event) => put(event.currentTarget.value.replaceAll('-', ''))} />
      );
    }
    return (
      <TextInput
        {...common}
        key={field}
        value={said}
        maxLength={field === 'accession_number' ? 16 : 64}
        autoComplete="off"
        onChange={(event) => put(event.currentTarget.value)}
      />
    );
  };
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: only === 'patient' ? 3 : 4 }} spacing="sm">
      {fields.map(input)}
    </SimpleGrid>
  );
}

/** Whether enough is said to know the patient. */
export function namesSomebody(of: Particulars): boolean {
  return [of.patient_name, of.patient_id].some((text) => (text ?? '').trim() !== '');
}

/** The line to read before saying yes: a wrong patient is what everybody fears. */
export function ConfirmationLine({ of }: { of: Particulars }) {
  const { t } = useTranslation();
  const name = (of.patient_name ?? '').trim();
  const facts = [
    of.patient_id && t('transfer.line.patientId', { id: of.patient_id }),
    isSex(of.patient_sex) && t(`patient.sex.${of.patient_sex}`),
    of.patient_birth_date && t('transfer.line.born', { date: dicomDate(of.patient_birth_date) }),
    of.accession_number && t('transfer.line.accession', { number: of.accession_number }),
    of.block && t('transfer.line.block', { block: of.block }),
    of.stain,
  ].filter((fact) => fact !== undefined && fact !== false && fact !== '');
  if (!namesSomebody(of)) {
    return (
      <Text size="sm" c="dimmed">
        {t('transfer.line.nobody')}
      </Text>
    );
  }
  return (
    <p className={classes.line}>
      {t('transfer.line.belongs')} <strong className={classes.who}>{name === '' ? t('transfer.line.noName') : name}</strong>
      {facts.map((fact) => ` · ${fact}`)}
    </p>
  );
}
