/** How the node's store is, and what somebody has to do about it: for the administrator of the organisation that runs it. */
import { Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { isProblem } from '../api/problem';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { useFormat } from '../ui/useFormat';
import { bytesText } from '../uploads/sizes';
import classes from './Store.module.css';
import { jobKinds, store, type StoreState, type StoreWarning } from './store';

const refresh_ms = 30_000;

/** What comes to it, or goes. */
function changeText(bytes: number): string {
  return `${bytes < 0 ? '−' : '+'}${bytesText(Math.abs(bytes))}`;
}

export function StorePane() {
  const { t } = useTranslation();
  const found = useQuery({ queryKey: ['store'], queryFn: store, refetchInterval: refresh_ms });
  if (found.isPending) return <PageSkeleton />;
  if (found.data === undefined) {
    if (isProblem(found.error, 'forbidden')) return <EmptyState title={t('store.notYours')} hint={t('store.notYoursHint')} />;
    return <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />;
  }
  return <Store store={found.data} />;
}

function Store({ store: state }: { store: StoreState }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { disk, kept, index, fsck, backup, codecs } = state;
  const usable = disk.used_bytes + disk.available_bytes;
  const waiting = state.jobs.filter((of) => of.waiting + of.set_aside > 0);
  return (
    <div className={classes.store}>
      <Warnings warnings={state.warnings} />
      <div className={classes.parts}>
        <Part title={t('store.disk')}>
          <div className={classes.meter} role="img" aria-label={t('store.usedOf', { used: bytesText(disk.used_bytes), all: bytesText(usable) })}>
            <span style={{ width: `${usable === 0 ? 0 : (100 * disk.used_bytes) / usable}%` }} />
          </div>
          <Facts
            facts={[
              [t('store.free'), bytesText(disk.available_bytes)],
              [t('store.used'), bytesText(disk.used_bytes)],
              [t('store.growth'), disk.bytes_per_day === null ? t('store.notMeasured') : t('store.perDay', { size: changeText(disk.bytes_per_day), days: disk.measured_days ?? 0 })],
              [
                t('store.full'),
                disk.days_left !== null ? t('store.inDays', { n: disk.days_left }) : t(disk.bytes_per_day === null ? 'store.notMeasured' : 'store.notFilling'),
              ],
            ]}
          />
        </Part>
        <Part title={t('store.kept')}>
          <Facts
            facts={[
              [t('store.studies'), format.number(kept.studies)],
              [t('store.instances'), format.number(kept.instances)],
              [t('store.segments'), t('store.countAndSize', { n: format.number(kept.segments), size: bytesText(kept.segment_bytes) })],
              [t('store.files'), t('store.countAndSize', { n: format.number(kept.files), size: bytesText(kept.file_bytes) })],
              [t('store.index'), `${index.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'} ${index.version}, ${bytesText(index.bytes)}`],
            ]}
          />
        </Part>
        <Part title={t('store.care')}>
          <Facts
            facts={[
              [t('store.backup'), backup === null ? t('store.never') : `${format.moment(backup.at)} ${backup.what}`],
              [
                t('store.fsck'),
                fsck === null
                  ? t('store.never')
                  : `${format.moment(fsck.at)} ${t(fsck.findings === 0 ? 'store.sound' : 'store.findings', { n: fsck.findings, objects: format.number(fsck.objects) })}`,
              ],
            ]}
          />
        </Part>
        <Part title={t('store.node')}>
          <Facts
            facts={[
              [t('store.version'), state.version],
              [t('store.since'), format.moment(state.started_at)],
              [
                t('store.codecs'),
                codecs.workers === null ? t('store.inProcess') : t('store.workers', { all: codecs.workers, free: codecs.free ?? 0, confinement: codecs.confinement }),
              ],
              [t('store.measured'), format.moment(state.measured_at)],
            ]}
          />
        </Part>
        <Part title={t('store.jobs')}>
          {waiting.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('store.noJobs')}
            </Text>
          ) : (
            <Table fz="sm" aria-label={t('store.jobs')}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('store.job')}</Table.Th>
                  <Table.Th>{t('store.waiting')}</Table.Th>
                  <Table.Th>{t('store.setAside')}</Table.Th>
                  <Table.Th>{t('store.oldest')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {waiting.map((of) => {
                  const kind = jobKinds.find((known) => known === of.kind.replace('.', '_'));
                  return (
                    <Table.Tr key={of.kind}>
                      <Table.Td>{kind === undefined ? of.kind : t(`store.kind.${kind}`)}</Table.Td>
                      <Table.Td>{format.number(of.waiting)}</Table.Td>
                      <Table.Td>{format.number(of.set_aside)}</Table.Td>
                      <Table.Td>{format.moment(of.oldest_at)}</Table.Td>
                    </Table.Tr>
                  );
                })}
              </Table.Tbody>
            </Table>
          )}
        </Part>
      </div>
    </div>
  );
}

function Warnings({ warnings }: { warnings: StoreWarning[] }) {
  const { t } = useTranslation();
  if (warnings.length === 0) return <p className={classes.well}>{t('store.allWell')}</p>;
  return (
    <ul className={classes.warnings} aria-label={t('store.toDo')}>
      {warnings.map(({ code, gravity, n }) => (
        <li key={code} data-gravity={gravity}>
          <strong>{t(`store.warning.${code}`, { n })}</strong> {t(`store.remedy.${code}`)}
        </li>
      ))}
    </ul>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.part} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Facts({ facts }: { facts: [name: string, value: string][] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
