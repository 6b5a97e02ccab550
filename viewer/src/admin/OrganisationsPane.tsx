/** The hospitals, centres and teaching collections of the node, and which of them are ours to look after. */
import { Button, SegmentedControl, Stack, Table, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import { hasRole, useMe } from '../session/useMe';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { PaneHead } from '../ui/PaneHead';
import { PaneTable } from '../ui/PaneTable';
import { organisations, type Organisation } from './api';

const identifier = /^[a-z0-9][a-z0-9-]{0,39}$/;
const kinds = ['hospital', 'centre', 'collection'] as const;
/** A collection stays one, and nothing else becomes one. */
const kindsOf = (one: Organisation | null) => kinds.filter((kind) => one === null || (kind === 'collection') === (one.kind === 'collection'));

export function OrganisationsPane() {
  const { t } = useTranslation();
  const me = useMe();
  const list = useQuery({ queryKey: keys.organisations, queryFn: organisations.list });
  const [open, setOpen] = useState<Organisation | 'new' | null>(null);
  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { organisations: all, may_create: mayCreate } = list.data;
  const mayChange = hasRole(me, 'administrator');
  return (
    <>
      <PaneHead hint={t('organisations.hint')}>
        {mayCreate && <Button onClick={() => setOpen('new')}>{t('organisations.add')}</Button>}
      </PaneHead>
      <PaneTable columns={[t('organisations.name'), t('organisations.id'), t('organisations.kind'), t('organisations.by'), '']}>
        {all.map((one) => (
          <Table.Tr key={one.id}>
            <Table.Td>
              <strong>{one.name}</strong>
            </Table.Td>
            <Table.Td data-label={t('organisations.id')}>{one.id}</Table.Td>
            <Table.Td data-label={t('organisations.kind')}>{t(`organisations.kinds.${one.kind}`)}</Table.Td>
            <Table.Td data-label={t('organisations.by')}>
              {one.looked_after_by === null
                ? t('organisations.itself')
                : (all.find(({ id }) => id === one.looked_after_by)?.name ?? one.looked_after_by)}{' '}
              {one.is_ours && one.looked_after_by !== null && <Chip tone="done">{t('organisations.ours')}</Chip>}
            </Table.Td>
            <Table.Td>
              {mayChange && one.is_ours && (
                <Button size="compact-sm" variant="default" onClick={() => setOpen(one)}>
                  {t('admin.change')}
                </Button>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </PaneTable>
      {open !== null && (
        <OrganisationDialog organisation={open === 'new' ? null : open} taken={all.map(({ id }) => id)} onClose={() => setOpen(null)} />
      )}
    </>
  );
}

interface Props {
  organisation: Organisation | null;
  taken: string[];
  onClose: () => void;
}

function OrganisationDialog({ organisation, taken, onClose }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [id, setId] = useState(organisation?.id ?? '');
  const [name, setName] = useState(organisation?.name ?? '');
  const [kind, setKind] = useState(organisation?.kind ?? 'hospital');
  const isTaken = organisation === null && taken.includes(id);
  const save = () => (organisation === null ? organisations.create({ id, name, kind }) : organisations.change(organisation, { name, kind }));
  return (
    <ConfirmDialog
      title={t(organisation === null ? 'organisations.addTitle' : 'organisations.changeTitle')}
      consequences={[kind === 'collection' ? t('organisations.collectionHint') : t(organisation === null ? 'organisations.addText' : 'organisations.changeText')]}
      confirm={t('common.save')}
      ready={identifier.test(id) && !isTaken && name.trim() !== ''}
      onConfirm={() => save().finally(() => cache.invalidateQueries({ queryKey: keys.organisations }))}
      onClose={onClose}
    >
      <Stack gap="sm">
        <TextInput
          label={t('organisations.name')}
          description={t('organisations.nameHint')}
          required
          data-autofocus
          maxLength={64}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {organisation === null && (
          <TextInput
            label={t('organisations.id')}
            description={t('organisations.idHint')}
            error={isTaken && t('organisations.taken')}
            required
            maxLength={40}
            value={id}
            onChange={(event) => setId(event.currentTarget.value.toLowerCase())}
          />
        )}
        <SegmentedControl
          aria-label={t('organisations.kind')}
          data={kindsOf(organisation).map((value) => ({ value, label: t(`organisations.kinds.${value}`) }))}
          value={kind}
          onChange={(value) => setKind(kinds.find((known) => known === value) ?? 'hospital')}
        />
      </Stack>
    </ConfirmDialog>
  );
}
