/** The canonical report, field by field as it will be signed, and its exact text for whoever wants to see that. */
import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { JsonValue } from '../api/types';
import { dicomDate } from '../ui/dicomText';
import { Field } from '../ui/Field';
import { canonicalRows, isIdentity, type CanonicalRow } from './canonicalRows';
import classes from './Reading.module.css';

export function CanonicalView({ canonical }: { canonical: { [key: string]: JsonValue } }) {
  const { t, i18n } = useTranslation();
  // Keys come from the server: one that we have no word for is shown as it is rather than left out.
  const word = (key: string, of: string | undefined) => {
    if (of === 'patient' && key === 'name') return t('people.name');
    return i18n.exists(`canonical.${key}`) ? i18n.t(`canonical.${key}` as 'canonical.findings') : key;
  };
  // The machine's words for these stand in the signed text; people read their own.
  const shown = (path: string[], value: string) => {
    if (path.join('.') === 'exam.date' || path.join('.') === 'patient.birth_date') return dicomDate(value);
    const key = { kind: 'kind', urgency: 'urgency', 'patient.sex': 'patient.sex' }[path.join('.')];
    return key !== undefined && i18n.exists(`${key}.${value}`) ? i18n.t(`${key}.${value}` as 'kind.diagnosis') : value;
  };
  // Two rows may have the same labels.
  const field = ({ path, value }: CanonicalRow, index: number) => (
    <Field key={`${path.join('.')}/${index}`} label={path.map((key, at) => word(key, path[at - 1])).join(' · ')}>
      {typeof value === 'number' ? t('sign.items', { n: value }) : shown(path, value)}
    </Field>
  );
  const rows = canonicalRows(canonical);
  return (
    <div className={classes.canonical}>
      <div className={classes.identity}>{rows.filter(isIdentity).map(field)}</div>
      {rows.filter((row) => !isIdentity(row)).map(field)}
      <details>
        <Text component="summary" size="sm">
          {t('sign.raw')}
        </Text>
        <pre className={classes.raw}>{JSON.stringify(canonical, null, 2)}</pre>
      </details>
    </div>
  );
}
