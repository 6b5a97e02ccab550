/** By which rules what arrives goes on to other nodes. */
import { Button, Group, Table } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { forwarding } from '../api/endpoints';
import { keys } from '../api/queries';
import type { ForwardRule } from '../api/types';
import { Chip } from '../ui/Chip';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import pane from '../ui/Pane.module.css';
import { PaneHead } from '../ui/PaneHead';
import { PaneTable } from '../ui/PaneTable';
import { useKeys } from '../ui/useKeys';
import { RuleDialog } from './RuleDialog';

type Open = { what: 'new' } | { what: 'change' | 'remove'; rule: ForwardRule } | null;

export function RulesPane({ mayChange }: { mayChange: boolean }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const list = useQuery({ queryKey: keys.rules, queryFn: forwarding.rules });
  const [open, setOpen] = useState<Open>(null);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.rules });
  const put = useMutation({ mutationFn: forwarding.putRule, onSettled: refresh });
  useKeys({ n: () => setOpen({ what: 'new' }) }, mayChange && open === null);

  if (list.isPending) return <PageSkeleton />;
  if (list.data === undefined) return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const { rules } = list.data;
  const add = mayChange && <Button onClick={() => setOpen({ what: 'new' })}>{t('rules.add')}</Button>;
  return (
    <>
      {rules.length === 0 ? (
        <EmptyState title={t('rules.empty')} hint={t('rules.emptyHint')}>
          {add}
        </EmptyState>
      ) : (
        <>
          <PaneHead hint={t('rules.hint')}>{add}</PaneHead>
          {put.isError && <ErrorNotice error={put.error} />}
          <PaneTable
            columns={[
              t('rules.column.id'),
              t('rules.column.conditions'),
              t('rules.column.destination'),
              t('rules.column.state'),
              ...(mayChange ? [''] : []),
            ]}
          >
            {rules.map((rule) => (
              <Table.Tr key={rule.id}>
                <Table.Td>
                  <strong>{rule.id}</strong>
                </Table.Td>
                <Table.Td>
                  <Conditions rule={rule} />
                </Table.Td>
                <Table.Td>{rule.destination}</Table.Td>
                <Table.Td>
                  <Chip tone={rule.state === 'active' ? 'done' : 'quiet'}>{t(`rules.state.${rule.state}`)}</Chip>
                </Table.Td>
                {mayChange && (
                  <Table.Td>
                    <Group gap="xs" justify="flex-end">
                      <Button
                        size="compact-sm"
                        variant="default"
                        loading={put.isPending && put.variables.id === rule.id}
                        onClick={() => put.mutate({ ...rule, state: rule.state === 'active' ? 'paused' : 'active' })}
                      >
                        {t(rule.state === 'active' ? 'rules.pause' : 'rules.activate')}
                      </Button>
                      <Button size="compact-sm" variant="default" onClick={() => setOpen({ what: 'change', rule })}>
                        {t('rules.change')}
                      </Button>
                      <Button size="compact-sm" variant="default" onClick={() => setOpen({ what: 'remove', rule })}>
                        {t('rules.remove')}
                      </Button>
                    </Group>
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </PaneTable>
        </>
      )}
      {(open?.what === 'new' || open?.what === 'change') && (
        <RuleDialog
          rule={open.what === 'change' ? open.rule : null}
          taken={rules.map(({ id }) => id)}
          onClose={() => setOpen(null)}
          onSaved={refresh}
        />
      )}
      {open?.what === 'remove' && (
        <ConfirmDialog
          title={t('rules.removeTitle', { id: open.rule.id })}
          consequences={[t('rules.removeText', { destination: open.rule.destination }), t('rules.removeQueue')]}
          confirm={t('rules.remove')}
          final
          onConfirm={() => forwarding.removeRule(open.rule.id).finally(refresh)}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}

function Conditions({ rule }: { rule: ForwardRule }) {
  const { t } = useTranslation();
  const separator = t('common.listSeparator');
  const said = [
    rule.sources.length > 0 && t('rules.from', { titles: rule.sources.join(separator) }),
    rule.modalities.length > 0 && t('rules.modalities', { modalities: rule.modalities.join(separator) }),
    rule.description !== '' && t('rules.description', { pattern: rule.description }),
  ].filter((part) => part !== false);
  if (said.length === 0) return <span className={pane.quiet}>{t('rules.everything')}</span>;
  return said.map((part) => <div key={part}>{part}</div>);
}
