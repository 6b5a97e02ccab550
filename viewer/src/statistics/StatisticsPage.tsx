/** Turnaround, load, lateness and agreement, for the coordinator and for whoever asks. */
import { Button, Group, SegmentedControl, Select, Table, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { statistics } from '../api/endpoints';
import { keys } from '../api/queries';
import { statisticsBy, type StatisticsBy, type StatisticsRow, type Urgency } from '../api/types';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { firstOfMonth, periodOf, today, yearBefore } from './period';
import classes from './Statistics.module.css';
import { all, own, whose } from './whose';

const Charts = lazy(() => import('./Charts'));

const numbers = ['asked', 'delivered', 'open', 'late', 'median_min', 'p90_min', 'waited_min', 'rejected', 'cancelled', 'amended'] as const;
const urgencies: readonly Urgency[] = ['routine', 'urgent', 'emergency', 'frozen'];

export default function StatisticsPage() {
  const { t } = useTranslation();
  const [address, setAddress] = useSearchParams();
  const view = address.get('view') === 'charts' ? 'charts' : 'table';
  const [by, setBy] = useState<StatisticsBy>('month');
  const [from, setFrom] = useState(view === 'charts' ? yearBefore(today()) : firstOfMonth(today()));
  const [until, setUntil] = useState(today());
  const period = periodOf(from, until);
  const { data: alliance } = useQuery({ queryKey: keys.alliance, queryFn: statistics.alliance });
  const [of, setOf] = useState(own);
  const organisations = alliance?.organisations ?? [];
  const show = (next: string) => {
    setAddress(next === 'charts' ? { view: 'charts' } : {}, { replace: true });
    // One month is no line.
    if (next === 'charts' && from === firstOfMonth(until)) setFrom(yearBefore(until));
  };
  const found = useQuery({
    enabled: view === 'table',
    queryKey: keys.statistics(by, from, until, of),
    queryFn: () => (period === null ? { rows: [] } : statistics.rows({ by, ...period, ...whose(of) })),
  });
  const rows = found.data?.rows ?? [];
  return (
    <div className={classes.page}>
      <Group justify="space-between" align="flex-end" className={classes.bar}>
        <Group align="flex-end" gap="sm">
          <SegmentedControl
            aria-label={t('charts.view')}
            data={[
              { value: 'table', label: t('charts.table') },
              { value: 'charts', label: t('charts.charts') },
            ]}
            value={view}
            onChange={show}
          />
          {organisations.length > 0 && (
            <Select
              label={t('alliance.whose')}
              allowDeselect={false}
              searchable
              data={[
                { value: own, label: t('alliance.own') },
                { value: all, label: t('alliance.all') },
                ...organisations.map(({ id, name }) => ({ value: `=${id}`, label: name })),
              ]}
              value={of}
              onChange={(value) => setOf(value ?? own)}
            />
          )}
          {view === 'table' && (
            <Select
              label={t('statistics.by')}
              allowDeselect={false}
              data={statisticsBy.map((value) => ({ value, label: t(`statistics.dimension.${value}`) }))}
              value={by}
              onChange={(value) => setBy(statisticsBy.find((one) => one === value) ?? 'month')}
            />
          )}
          <TextInput type="date" label={t('statistics.from')} value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <TextInput type="date" label={t('statistics.until')} value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
        </Group>
        {period !== null && (
          <Button component="a" variant="default" href={statistics.csv({ by, ...period, ...whose(of) })} download="statistics.csv">
            {t('statistics.csv')}
          </Button>
        )}
      </Group>
      <Title order={1} size="h4" className={classes.title}>
        {t('statistics.title')}
      </Title>
      {view === 'charts' ? (
        <Suspense fallback={<PageSkeleton rows={4} />}>
          <Charts days={{ from, until }} scope={of} />
        </Suspense>
      ) : (
        <>
          {found.isPending && <PageSkeleton rows={4} />}
          {found.isError && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
          {found.isSuccess && rows.length === 0 && <EmptyState title={t('statistics.empty')} />}
          {rows.length > 0 && <Rows rows={rows} by={by} />}
        </>
      )}
    </div>
  );
}

function Rows({ rows, by }: { rows: StatisticsRow[]; by: StatisticsBy }) {
  const { t } = useTranslation();
  const most = Math.max(...rows.map(({ asked }) => asked), 1);
  const nameOf = (row: StatisticsRow) => {
    const urgency = by === 'urgency' ? urgencies.find((one) => one === row.key) : undefined;
    if (urgency !== undefined) return t(`urgency.${urgency}`);
    return row.name === '' ? t('statistics.nobody') : row.name;
  };
  return (
    <div className={classes.table}>
      <Table fz="sm" horizontalSpacing="sm" verticalSpacing={6} stickyHeader>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t(`statistics.dimension.${by}`)}</Table.Th>
            {numbers.map((column) => (
              <Table.Th key={column} className={classes.number}>
                {t(`statistics.column.${column}`)}
              </Table.Th>
            ))}
            <Table.Th className={classes.number}>{t('statistics.column.agreed')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.key}>
              <Table.Td>
                {nameOf(row)}
                <div className={classes.bars} aria-hidden>
                  <span style={{ width: `${(100 * row.asked) / most}%` }} />
                </div>
              </Table.Td>
              {numbers.map((column) => (
                <Table.Td key={column} className={classes.number} data-alarm={(column === 'late' && row.late > 0) || undefined}>
                  {row[column] ?? '–'}
                </Table.Td>
              ))}
              <Table.Td className={classes.number}>{row.graded === 0 ? '–' : `${row.agreed} / ${row.graded}`}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
