/** What statistics look like: turnaround and critical findings over the months, volume by hospital and by modality. */
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { statistics } from '../api/endpoints';
import { keys } from '../api/queries';
import type { StatisticsBy, StatisticsRow } from '../api/types';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { LineChart, type Line } from './LineChart';
import { periodOf, type Days } from './period';
import { whose } from './whose';
import classes from './Charts.module.css';

/** Bars of one chart; the rest are one bar together. */
const barsMax = 12;

function useRows(by: StatisticsBy, { from, until }: Days, of: string) {
  const period = periodOf(from, until);
  return useQuery({
    queryKey: keys.statistics(by, from, until, of),
    queryFn: () => (period === null ? { rows: [] } : statistics.rows({ by, ...period, ...whose(of) })),
  });
}

export default function Charts({ days, scope }: { days: Days; scope: string }) {
  const { t } = useTranslation();
  const months = useRows('month', days, scope);
  const hospitals = useRows('requesting', days, scope);
  const modalities = useRows('modality', days, scope);
  for (const found of [months, hospitals, modalities]) {
    if (found.isError) return <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />;
  }
  if (months.data === undefined || hospitals.data === undefined || modalities.data === undefined) return <PageSkeleton rows={4} />;
  const { rows } = months.data;
  if (rows.length === 0) return <EmptyState title={t('statistics.empty')} />;
  const of = (pick: (row: StatisticsRow) => number | null) => rows.map(pick);
  return (
    <div className={classes.charts}>
      <Months
        title={t('charts.turnaround')}
        rows={rows}
        lines={[
          { name: t('charts.median'), look: 'main', values: of((row) => row.median_min) },
          { name: t('charts.ninety'), look: 'upper', values: of((row) => row.p90_min) },
          { name: t('charts.target'), look: 'target', values: of((row) => row.target_min) },
        ]}
      />
      <Months
        title={t('charts.critical')}
        rows={rows}
        lines={[
          { name: t('charts.median'), look: 'main', values: of((row) => row.critical_median_min) },
          { name: t('charts.longest'), look: 'upper', values: of((row) => row.critical_longest_min) },
        ]}
        counts={{ name: t('charts.findings'), values: of((row) => row.critical) }}
      />
      <Bars title={t('charts.byHospital')} dimension={t('statistics.dimension.requesting')} rows={hospitals.data.rows} />
      <Bars title={t('charts.byModality')} dimension={t('statistics.dimension.modality')} rows={modalities.data.rows} />
    </div>
  );
}

interface MonthsProps {
  title: string;
  rows: StatisticsRow[];
  lines: Line[];
  /** Something that is counted, not drawn. */
  counts?: { name: string; values: (number | null)[] };
}

function Months({ title, rows, lines, counts }: MonthsProps) {
  const { t } = useTranslation();
  const columns = [...(counts === undefined ? [] : [counts]), ...lines];
  const isEmpty = lines.every(({ values }) => values.every((value) => value === null));
  return (
    <figure className={classes.chart}>
      <figcaption>{title}</figcaption>
      {isEmpty ? (
        <EmptyState title={t('charts.nothing')} />
      ) : (
        <div className={classes.beside}>
          <LineChart title={title} unit={t('charts.minutes')} labels={rows.map(({ key }) => key)} lines={lines} />
          <div className={classes.numbers}>
            <table aria-label={title}>
              <thead>
                <tr>
                  <th scope="col">{t('statistics.dimension.month')}</th>
                  {columns.map(({ name }) => (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row, at) => (
                  <tr key={row.key}>
                    <th scope="row">{row.key}</th>
                    {columns.map(({ name, values }) => (
                      <td key={name}>{values[at] ?? '–'}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </figure>
  );
}

/** The most first; what is beyond the room there is, together. */
function Bars({ title, dimension, rows }: { title: string; dimension: string; rows: StatisticsRow[] }) {
  const { t } = useTranslation();
  const order = [...rows].sort((a, b) => b.asked - a.asked);
  const [shown, rest] = [order.slice(0, barsMax), order.slice(barsMax)];
  const sum = (pick: (row: StatisticsRow) => number) => rest.reduce((all, row) => all + pick(row), 0);
  const bars = [
    ...shown.map((row) => ({ key: row.key, name: row.name === '' ? t('charts.unnamed') : row.name, asked: row.asked, late: row.late })),
    ...(rest.length === 0 ? [] : [{ key: ' rest', name: t('charts.rest', { n: rest.length }), asked: sum((row) => row.asked), late: sum((row) => row.late) }]),
  ];
  const most = Math.max(1, ...bars.map(({ asked }) => asked));
  return (
    <figure className={classes.chart}>
      <figcaption>{title}</figcaption>
      <table className={classes.bars} aria-label={title}>
        <thead>
          <tr>
            <th scope="col">{dimension}</th>
            <th aria-hidden />
            <th scope="col" className={classes.value}>
              {t('statistics.column.asked')}
            </th>
            <th scope="col" className={classes.value}>
              {t('statistics.column.late')}
            </th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.key}>
              <th scope="row" className={classes.name}>
                {bar.name}
              </th>
              <td className={classes.span} aria-hidden>
                <div className={classes.bar} style={{ width: `${(100 * bar.asked) / most}%` }} />
              </td>
              <td className={classes.value}>{bar.asked}</td>
              <td className={classes.value}>{bar.late}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
