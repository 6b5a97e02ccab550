/** Two identities side by side, what differs marked, and why they may be one person. */
import { Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Chip } from '../ui/Chip';
import type { Pair, Sign } from './api';
import classes from './Patients.module.css';
import { useRows } from './usePatients';

/** What of a person two hospitals should agree on. */
const telling = ['name', 'sex', 'birth', 'numbers'];

export function PairTable({ pair }: { pair: Pair }) {
  const rows = useRows();
  const others = rows(pair.other);
  return (
    <>
      <table className={classes.pair}>
        <tbody>
          {rows(pair.one).map((row, at) => {
            const other = others[at]?.text ?? '';
            if (row.text === '' && other === '') return null;
            const differs = telling.includes(row.key) && row.text !== '' && other !== '' && row.text !== other;
            return (
              <tr key={row.key} data-differs={differs || undefined}>
                <th scope="row">{row.label}</th>
                <td>{row.text}</td>
                <td aria-hidden className={classes.mark}>
                  {differs ? '≠' : ''}
                </td>
                <td>{other}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <Signs signs={pair.signs} />
    </>
  );
}

export function Signs({ signs }: { signs: readonly Sign[] }) {
  const { t } = useTranslation();
  return (
    <Group gap={6}>
      {signs.map((sign) => (
        <Chip key={sign} tone={sign.startsWith('other') ? 'alarm' : 'active'}>
          {t(`patients.sign.${sign}`)}
        </Chip>
      ))}
    </Group>
  );
}
