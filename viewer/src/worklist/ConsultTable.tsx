/** The worklist as a dense table, for screens. Only the rows that are seen are in the page, so ten thousand scroll like ten. */
import { Button, Table } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useEffect, useRef, type MouseEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { ConsultRow } from '../api/types';
import { Clock } from '../ui/Clock';
import { dicomDate } from '../ui/dicomText';
import { Patient } from '../ui/Patient';
import { StateChip } from '../ui/StateChip';
import { UrgencyChip } from '../ui/UrgencyChip';
import { useExamText } from '../ui/useExamText';
import { useFormat } from '../ui/useFormat';
import { widths, type ColumnName } from './columns';
import { caseAddress, fetchCase } from './openCase';
import classes from './Worklist.module.css';

/** Of a row whose words take one line, as the style sheet has it. */
const row_px = 36;
const head_px = 36;

interface Props {
  rows: ConsultRow[];
  columns: readonly ColumnName[];
  selectedId: string | null;
  onSelect: (id: string) => void;
  onOpen: (row: ConsultRow) => void;
  onClaim: (row: ConsultRow) => void;
  /** Which rows are in the page, the first and the last of them. */
  onLook: (first: number, last: number) => void;
}

export function ConsultTable({ rows, columns, selectedId, onSelect, onOpen, onClaim, onLook }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  // Another function would have all rows placed anew, on the screen or not.
  const keyOf = useCallback((index: number) => rows[index]?.id ?? index, [rows]);
  // What it returns changes by itself as one scrolls, so nothing here may be remembered: that is meant.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => row_px,
    getItemKey: keyOf,
    overscan: 12,
    // Rows are counted from below the head, which stays: so much less of them is in sight.
    scrollPaddingEnd: head_px,
  });
  const shown = virtualizer.getVirtualItems();
  const above = shown[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (shown.at(-1)?.end ?? 0);

  const [first, last] = [shown[0]?.index ?? 0, shown.at(-1)?.index ?? 0];
  useEffect(() => onLook(first, last), [first, last, onLook]);

  // The keyboard takes the list along; a list that is merely fresh stays where it is.
  const selectedIndex = rows.findIndex(({ id }) => id === selectedId);
  // A row that is pressed stays under the pointer: moved before it is let go, it would not be clicked.
  const pressed = useRef<string | null>(null);
  const press = useCallback(
    (id: string) => {
      pressed.current = id;
      onSelect(id);
    },
    [onSelect],
  );
  useEffect(() => {
    const isPressed = pressed.current === selectedId;
    pressed.current = null;
    if (selectedIndex >= 0 && !isPressed) virtualizer.scrollToIndex(selectedIndex, { align: 'auto' });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selectedId]);

  return (
    <div ref={scroller} className={classes.scroller}>
      <Table className={classes.table} layout="fixed" stickyHeader horizontalSpacing="sm" verticalSpacing={6} fz="sm" aria-rowcount={rows.length + 1}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((name) => (
              <Table.Th key={name} w={widths[name]}>
                {t(`worklist.column.${name}`)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {above > 0 && <Gap height={above} columns={columns.length} />}
          {shown.map(({ index }) => {
            const row = rows[index];
            return (
              row !== undefined && (
                <Row
                  key={row.id}
                  row={row}
                  index={index}
                  columns={columns}
                  measure={virtualizer.measureElement}
                  selected={row.id === selectedId}
                  onSelect={press}
                  onOpen={onOpen}
                  onClaim={onClaim}
                />
              )
            );
          })}
          {below > 0 && <Gap height={below} columns={columns.length} />}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** The place of rows that are not in the page. */
function Gap({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

interface RowProps extends Pick<Props, 'columns' | 'onSelect' | 'onOpen' | 'onClaim'> {
  row: ConsultRow;
  index: number;
  measure: (element: Element | null) => void;
  selected: boolean;
}

/** Drawn once: a step through the list costs the rows that come into sight, not those that are there. */
const Row = memo(function Row({ row, index, columns, measure, selected, onSelect, onOpen, onClaim }: RowProps) {
  // The link in the row is the accessible way in; the rest of the row is a bigger target for the mouse.
  const openUnlessControl = (event: MouseEvent) => {
    if (event.target instanceof Element && event.target.closest('a, button') === null) onOpen(row);
  };

  return (
    <Table.Tr
      ref={measure}
      data-index={index}
      aria-rowindex={index + 2}
      className={classes.row}
      data-selected={selected || undefined}
      aria-current={selected || undefined}
      onMouseDown={() => onSelect(row.id)}
      onClick={openUnlessControl}
    >
      {columns.map((name) => (
        <Table.Td key={name}>
          <Cell name={name} row={row} onClaim={onClaim} />
        </Table.Td>
      ))}
    </Table.Tr>
  );
});

function Cell({ name, row, onClaim }: { name: ColumnName; row: ConsultRow; onClaim: (row: ConsultRow) => void }) {
  const { t } = useTranslation();
  const examText = useExamText();
  const format = useFormat();
  switch (name) {
    case 'clock':
      return <Clock consult={row} />;
    case 'patient':
      return (
        <Link to={caseAddress(row)} className={classes.open} onClick={() => fetchCase(row)}>
          <Patient patient={row} />
        </Link>
      );
    case 'study':
      return examText(row.study);
    case 'requesting':
      return row.requesting.name;
    case 'question':
      return (
        <div className={classes.question} title={row.question}>
          <UrgencyChip urgency={row.urgency} /> {row.question}
        </div>
      );
    case 'state':
      return (
        <>
          <StateChip state={row.state} />
          {row.has_open_question && <span className={classes.waits}>{t('worklist.question')}</span>}
          {row.has_open_discrepancy && <span className={classes.waits}>{t('worklist.discrepancy')}</span>}
        </>
      );
    case 'reader':
      return row.allowed.includes('claim') ? (
        <Button size="compact-xs" variant="light" onClick={() => onClaim(row)}>
          {t('consult.action.claim')}
        </Button>
      ) : (
        (row.reader?.name ?? '')
      );
    case 'number':
      return row.number;
    case 'patient_id':
      return row.patient_id;
    case 'accession':
      return row.study.accession_number;
    case 'study_date':
      return dicomDate(row.study.study_date);
    case 'reading':
      return row.reading.name;
    case 'submitted':
      return format.moment(row.submitted_at);
  }
}
