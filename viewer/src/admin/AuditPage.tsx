/** Who did what to which, newest first, by person, patient, kind and day: for the auditor. */
import { Button, Group, Select, Table, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { audit } from '../api/endpoints';
import { keys } from '../api/queries';
import { AuditStateBar } from '../security/AuditStateBar';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { useFormat } from '../ui/useFormat';
import classes from './Audit.module.css';
import { actions, emptyFilter, filterOf, type AuditDraft } from './auditFilter';

const page = 100;

export default function AuditPage() {
  const { t } = useTranslation();
  const [filter, setFilter] = useState(() => filterOf(emptyFilter));
  const events = useInfiniteQuery({
    queryKey: [...keys.audit, filter],
    queryFn: ({ pageParam }) => audit.list({ ...filter, limit: page, before: pageParam }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => (last.events.length < page ? undefined : last.events.at(-1)?.seq),
  });
  const rows = events.data?.pages.flatMap((one) => one.events) ?? [];
  return (
    <>
      <AuditStateBar />
      <Filter csv={audit.csv(filter)} onSearch={(draft) => setFilter(filterOf(draft))} />
      {events.isPending && <PageSkeleton />}
      {events.isError && <ErrorNotice error={events.error} onRetry={() => void events.refetch()} />}
      {events.isSuccess && rows.length === 0 && <EmptyState title={t('audit.empty')} hint={t('audit.emptyHint')} />}
      {rows.length > 0 && (
        <div className={classes.list} tabIndex={0} role="region" aria-label={t('place.audit')}>
          <Events rows={rows} />
          {events.hasNextPage && (
            <Button variant="default" m="md" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
              {t('common.more')}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

/** Nothing is asked before the button: each question about a patient is itself on the chain. */
function Filter({ csv, onSearch }: { csv: string; onSearch: (draft: AuditDraft) => void }) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState(emptyFilter);
  const set = (part: Partial<AuditDraft>) => setDraft((before) => ({ ...before, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSearch(draft);
  };
  return (
    <form className={pane.bar} onSubmit={submit}>
      <Group gap="sm" align="flex-end">
        <TextInput
          label={t('audit.patient')}
          placeholder={t('audit.patientHint')}
          maxLength={64}
          value={draft.patient}
          onChange={(event) => set({ patient: event.currentTarget.value })}
        />
        <TextInput
          label={t('audit.person')}
          placeholder={t('audit.personHint')}
          maxLength={64}
          value={draft.person}
          onChange={(event) => set({ person: event.currentTarget.value })}
        />
        <Select
          label={t('audit.column.action')}
          placeholder={t('audit.anyAction')}
          clearable
          data={actions.map((value) => ({ value, label: t(`audit.action.${value}`) }))}
          value={draft.action === '' ? null : draft.action}
          onChange={(action) => set({ action: actions.find((known) => known === action) ?? '' })}
        />
        <TextInput type="date" label={t('audit.from')} value={draft.from} onChange={(event) => set({ from: event.currentTarget.value })} />
        <TextInput type="date" label={t('audit.to')} value={draft.to} onChange={(event) => set({ to: event.currentTarget.value })} />
        <Button type="submit">{t('common.search')}</Button>
        <Button variant="default" component="a" href={csv} download>
          {t('audit.csv')}
        </Button>
      </Group>
      <Text size="xs" c="dimmed" mt={4}>
        {t('audit.hint')}
      </Text>
    </form>
  );
}

function Events({ rows }: { rows: Awaited<ReturnType<typeof audit.list>>['events'] }) {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  // A word that the server knows and we do not is shown as it is rather than left out.
  const word = (of: 'action' | 'outcome', code: string) =>
    i18n.exists(`audit.${of}.${code}`) ? i18n.t(`audit.${of}.${code}` as 'audit.action.read') : code;
  return (
    <Table stickyHeader fz="sm" horizontalSpacing="sm" verticalSpacing={4}>
      <Table.Thead className={classes.head}>
        <Table.Tr>
          <Table.Th>{t('audit.column.seq')}</Table.Th>
          <Table.Th>{t('audit.column.at')}</Table.Th>
          <Table.Th>{t('audit.column.actor')}</Table.Th>
          <Table.Th>{t('audit.column.organisation')}</Table.Th>
          <Table.Th>{t('audit.column.address')}</Table.Th>
          <Table.Th>{t('audit.column.action')}</Table.Th>
          <Table.Th>{t('audit.column.object')}</Table.Th>
          <Table.Th>{t('audit.column.outcome')}</Table.Th>
          <Table.Th>{t('audit.column.detail')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((event) => (
          <Table.Tr key={event.seq}>
            <Table.Td>{event.seq}</Table.Td>
            <Table.Td className={classes.at}>{format.moment(event.at)}</Table.Td>
            <Table.Td className={classes.object}>{event.actor_name ?? event.actor}</Table.Td>
            <Table.Td>{event.organisation}</Table.Td>
            <Table.Td>{event.address}</Table.Td>
            <Table.Td>{word('action', event.action)}</Table.Td>
            <Table.Td className={classes.object}>{event.object}</Table.Td>
            <Table.Td>{word('outcome', event.outcome)}</Table.Td>
            <Table.Td className={classes.object}>{event.detail}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
