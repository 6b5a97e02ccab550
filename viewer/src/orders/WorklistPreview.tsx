/** What a modality is answered when it asks for its worklist: to see why an order does not show up there. */
import { Group, Select, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { orders } from '../api/endpoints';
import { keys } from '../api/queries';
import type { DicomJson } from '../api/types';
import { dicomTime } from '../ui/dicomText';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { modalities } from '../ui/modalities';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { jsonItem, jsonName, jsonText } from '../ui/dicomJsonText';

export function WorklistPreview({ day }: { day: string }) {
  const { t } = useTranslation();
  const [modality, setModality] = useState<string | null>(null);
  const [typed, setStation] = useState('');
  const [station] = useDebouncedValue(typed.trim(), 300);
  const asked = { date: day, modality: modality ?? undefined, station_ae_title: station };
  const answer = useQuery({ queryKey: [...keys.modalityWorklist, asked], queryFn: () => orders.worklist(asked) });
  return (
    <>
      <Group px="md" py="xs" gap="sm">
        <Select
          aria-label={t('studies.modality')}
          placeholder={t('studies.anyModality')}
          data={modalities}
          value={modality}
          onChange={setModality}
          clearable
          w={140}
        />
        <TextInput
          aria-label={t('orders.column.station')}
          placeholder={t('orders.stationPlaceholder')}
          maxLength={16}
          value={typed}
          onChange={(event) => setStation(event.currentTarget.value)}
        />
        <Text size="sm" c="dimmed" role="status">
          {answer.data === undefined ? '' : t('orders.answered', { n: answer.data.rows.length })}
        </Text>
      </Group>
      <Text size="sm" c="dimmed" px="md">
        {t('orders.worklistHint')}
      </Text>
      {answer.isPending && <PageSkeleton />}
      {answer.isError && <ErrorNotice error={answer.error} onRetry={() => void answer.refetch()} />}
      {answer.data?.rows.length === 0 && <EmptyState title={t('orders.noAnswer')} hint={t('orders.noAnswerHint')} />}
      {answer.data !== undefined && answer.data.rows.length > 0 && (
        <Table className={pane.table} fz="sm" horizontalSpacing="sm" verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              {(['time', 'name', 'id', 'accession', 'modality', 'station', 'procedure', 'study'] as const).map((column) => (
                <Table.Th key={column}>{t(`orders.answer.${column}`)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {answer.data.rows.map((row, index) => (
              <Row key={index} row={row} />
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  );
}

function Row({ row }: { row: DicomJson }) {
  const step = jsonItem(row, '00400100');
  return (
    <Table.Tr>
      <Table.Td className={pane.fixed}>{dicomTime(jsonText(step, '00400003'))}</Table.Td>
      <Table.Td>{jsonName(row, '00100010')}</Table.Td>
      <Table.Td>{jsonText(row, '00100020')}</Table.Td>
      <Table.Td>{jsonText(row, '00080050')}</Table.Td>
      <Table.Td>{jsonText(step, '00080060')}</Table.Td>
      <Table.Td>{jsonText(step, '00400001')}</Table.Td>
      <Table.Td>{jsonText(row, '00321060') || jsonText(step, '00400007')}</Table.Td>
      <Table.Td className={pane.quiet}>{jsonText(row, '0020000D')}</Table.Td>
    </Table.Tr>
  );
}
