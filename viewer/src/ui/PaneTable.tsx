/** A table that fills a page: its head stays in sight. A column without words holds what can be done to a row. */
import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import pane from './Pane.module.css';

interface Props {
  columns: readonly string[];
  /** Many rows are looked through rather than read. */
  tight?: boolean;
  children: ReactNode;
}

export function PaneTable({ columns, tight = false, children }: Props) {
  return (
    <Table className={pane.table} stickyHeader fz="sm" horizontalSpacing="sm" verticalSpacing={tight ? 6 : 8}>
      <Table.Thead>
        <Table.Tr>
          {columns.map((column, at) => (
            <Table.Th key={at}>{column}</Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>{children}</Table.Tbody>
    </Table>
  );
}
