/** The worklist on a phone: one card a consult. */
import { Group, Text } from '@mantine/core';
import { Link } from 'react-router';
import type { ConsultRow } from '../api/types';
import { Clock } from '../ui/Clock';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { UrgencyChip } from '../ui/UrgencyChip';
import { useExamText } from '../ui/useExamText';
import { caseAddress, fetchCase } from './openCase';
import classes from './Worklist.module.css';

export function ConsultCards({ rows }: { rows: ConsultRow[] }) {
  const examText = useExamText();
  return (
    <ul className={classes.cards}>
      {rows.map((row) => (
        <li key={row.id}>
          <Link to={caseAddress(row)} className={classes.card} onClick={() => fetchCase(row)}>
            <Group justify="space-between" wrap="nowrap">
              <Patient patient={row} />
              <StateChip state={row.state} />
            </Group>
            <Text size="sm" c="dimmed">
              {examText(row.study)} · {row.requesting.name}
            </Text>
            <Text size="sm" lineClamp={2}>
              <UrgencyChip urgency={row.urgency} /> {row.question}
            </Text>
            <Group justify="space-between">
              <Clock consult={row} />
              <Text size="sm" c="dimmed">
                {row.reader?.name ?? ''}
              </Text>
            </Group>
          </Link>
        </li>
      ))}
    </ul>
  );
}
