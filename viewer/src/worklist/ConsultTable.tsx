/** The worklist as a dense table, for screens. */
import { Button, Table } from '@mantine/core';
import { useEffect, useRef, type MouseEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { ConsultRow } from '../api/types';
import { Clock } from '../ui/Clock';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { UrgencyChip } from '../ui/UrgencyChip';
import { useExamText } from '../ui/useExamText';
import { caseAddress, fetchCase } from './openCase';
import classes from './Worklist.module.css';

interface Props {
  rows: ConsultRow[];
  selectedId: string | null;
  onSelect: (id: string) => void;
  onOpen: (row: ConsultRow) => void;
  onClaim: (row: ConsultRow) => void;
}

export function ConsultTable({ rows, selectedId, onSelect, onOpen, onClaim }: Props) {
  const { t } = useTranslation();
  return (
    <Table className={classes.table} stickyHeader horizontalSpacing="sm" verticalSpacing={6} fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={110}>{t('worklist.column.clock')}</Table.Th>
          <Table.Th>{t('worklist.column.patient')}</Table.Th>
          <Table.Th>{t('worklist.column.study')}</Table.Th>
          <Table.Th>{t('worklist.column.requesting')}</Table.Th>
          <Table.Th>{t('worklist.column.question')}</Table.Th>
          <Table.Th w={110}>{t('worklist.column.state')}</Table.Th>
          <Table.Th w={140}>{t('worklist.column.reader')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Row key={row.id} row={row} selected={row.id === selectedId} onSelect={onSelect} onOpen={onOpen} onClaim={onClaim} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface RowProps extends Omit<Props, 'rows' | 'selectedId'> {
  row: ConsultRow;
  selected: boolean;
}

function Row({ row, selected, onSelect, onOpen, onClaim }: RowProps) {
  const { t } = useTranslation();
  const examText = useExamText();
  const element = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (selected) element.current?.scrollIntoView({ block: 'nearest' });
  }, [selected]);

  // The link in the row is the accessible way in; the rest of the row is a bigger target for the mouse.
  const openUnlessControl = (event: MouseEvent) => {
    if (event.target instanceof Element && event.target.closest('a, button') === null) onOpen(row);
  };

  return (
    <Table.Tr
      ref={element}
      className={classes.row}
      data-selected={selected || undefined}
      aria-current={selected || undefined}
      onMouseDown={() => onSelect(row.id)}
      onClick={openUnlessControl}
    >
      <Table.Td>
        <Clock consult={row} />
      </Table.Td>
      <Table.Td>
        <Link to={caseAddress(row)} className={classes.open} onClick={() => fetchCase(row)}>
          <Patient patient={row} />
        </Link>
      </Table.Td>
      <Table.Td>{examText(row.study)}</Table.Td>
      <Table.Td>{row.requesting.name}</Table.Td>
      <Table.Td className={classes.question}>
        <UrgencyChip urgency={row.urgency} /> {row.question}
      </Table.Td>
      <Table.Td>
        <StateChip state={row.state} />
        {row.has_open_question && <span className={classes.waits}>{t('worklist.question')}</span>}
        {row.has_open_discrepancy && <span className={classes.waits}>{t('worklist.discrepancy')}</span>}
      </Table.Td>
      <Table.Td>
        {row.allowed.includes('claim') ? (
          <Button size="compact-xs" variant="light" onClick={() => onClaim(row)}>
            {t('consult.action.claim')}
          </Button>
        ) : (
          (row.reader?.name ?? '')
        )}
      </Table.Td>
    </Table.Tr>
  );
}
