/** Whose a slide is: the fields, and the sentence that they make, to be read before saying yes. */
import { SimpleGrid, Text, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Particulars } from './api';
import classes from './Uploads.module.css';

const slideFields = ['patient_name', 'patient_id', 'accession_number', 'block', 'stain'] as const;
const patientFields = ['patient_name', 'patient_id', 'accession_number'] as const;

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
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: fields.length }} spacing="sm">
      {fields.map((field) => (
        <TextInput
          key={field}
          label={t(`transfer.field.${field}`)}
          value={of[field] ?? ''}
          maxLength={field === 'accession_number' ? 16 : 64}
          autoComplete="off"
          disabled={disabled}
          onChange={(event) => {
            const value = event.currentTarget.value;
            onChange({ ...of, [field]: value === '' ? undefined : value });
          }}
        />
      ))}
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
    of.accession_number && t('transfer.line.accession', { number: of.accession_number }),
    of.block && t('transfer.line.block', { block: of.block }),
    of.stain,
  ].filter((fact) => fact !== undefined && fact !== '');
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
