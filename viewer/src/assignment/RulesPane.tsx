/** The rules in their order: the first that fits a case and finds somebody on duty takes it. */
import { ActionIcon, Button, Group, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keys } from '../api/queries';
import type { Ref } from '../api/types';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNotice } from '../ui/ErrorNotice';
import { PageSkeleton } from '../ui/PageSkeleton';
import { PaneTable } from '../ui/PaneTable';
import { assignment, type OnDuty, type Outcome, type Rule, type Rules } from './api';
import { useBodyPartName } from './BodyPartSelect';
import { RuleDialog } from './RuleDialog';
import { blank, moved } from './rules';
import { TryPane } from './TryPane';
import { useDuties } from './useAssignment';

export function RulesPane() {
  const rules = useQuery({ queryKey: keys.assignmentRules, queryFn: assignment.rules, refetchOnWindowFocus: false });
  const duties = useDuties(true);
  const failed = rules.error ?? duties.error;
  if (rules.data === undefined || duties.data === undefined) {
    return failed === null ? <PageSkeleton /> : <ErrorNotice error={failed} onRetry={() => void Promise.all([rules.refetch(), duties.refetch()])} />;
  }
  return <Editor fetched={rules.data} people={duties.data.people} hospitals={duties.data.requesting} />;
}

interface Props {
  fetched: Rules;
  people: readonly OnDuty[];
  hospitals: readonly Ref[];
}

function Editor({ fetched, people, hospitals }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  /** What is being changed; newer rules of somebody else take its place only while nothing is. */
  const [kept, setKept] = useState(fetched);
  const [rules, setRules] = useState(kept.rules);
  const [editing, setEditing] = useState<number | null>(null);
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map());
  const save = useMutation({
    mutationFn: (sent: Rule[]) => assignment.put({ version: kept.version, rules: sent }),
    onSuccess: (next, sent) => {
      setKept(next);
      setRules((now) => (now === sent ? next.rules : now));
      cache.setQueryData(keys.assignmentRules, next);
    },
  });
  const changed = rules !== kept.rules;
  const change = (next: Rule[]) => {
    setRules(next);
    setOutcomes(new Map());
  };
  if (fetched.version > kept.version && !changed && editing === null) {
    setKept(fetched);
    change(fetched.rules);
  }
  const accept = (rule: Rule) => change(editing === null || editing >= rules.length ? [...rules, rule] : rules.map((one, at) => (at === editing ? rule : one)));
  const add = <Button onClick={() => setEditing(rules.length)}>{t('assignment.add')}</Button>;
  return (
    <>
      <Group justify="space-between" px="md" py="xs" wrap="nowrap" align="flex-start">
        <Text size="sm" c="dimmed">
          {t('assignment.hint')}
        </Text>
        <Group gap="xs" wrap="nowrap">
          {changed && (
            <Button loading={save.isPending} onClick={() => save.mutate(rules)}>
              {t('common.save')}
            </Button>
          )}
          {rules.length > 0 && <Button variant={changed ? 'default' : 'filled'} onClick={() => setEditing(rules.length)}>{t('assignment.add')}</Button>}
        </Group>
      </Group>
      {save.isError && <ErrorNotice error={save.error} />}
      {rules.length === 0 && (
        <EmptyState title={t('assignment.empty')} hint={t('assignment.emptyHint')}>
          {add}
        </EmptyState>
      )}
      {rules.length > 0 && (
        <PaneTable columns={[t('assignment.order'), t('assignment.name'), t('assignment.asks'), t('assignment.to'), '']}>
          {rules.map((rule, at) => (
            <Row
              key={rule.name}
              rule={rule}
              n={at + 1}
              people={people}
              hospitals={hospitals}
              outcome={outcomes.get(rule.name.trim()) ?? null}
              onMove={(by) => change(moved(rules, at, by))}
              onEdit={() => setEditing(at)}
              onRemove={() => change(rules.filter((_, other) => other !== at))}
            />
          ))}
        </PaneTable>
      )}
      <TryPane rules={rules} hospitals={hospitals} onTried={(trial) => setOutcomes(new Map(trial.outcomes.map(({ rule, outcome }) => [rule, outcome])))} />
      {editing !== null && (
        <RuleDialog
          start={rules[editing] ?? blank}
          others={rules.filter((_, at) => at !== editing)}
          people={people}
          hospitals={hospitals}
          onAccept={accept}
          onClose={() => setEditing(null)}
        />
      )}
    </>
  );
}

interface RowProps {
  rule: Rule;
  n: number;
  people: readonly OnDuty[];
  hospitals: readonly Ref[];
  outcome: Outcome | null;
  onMove: (by: -1 | 1) => void;
  onEdit: () => void;
  onRemove: () => void;
}

function Row({ rule, n, people, hospitals, outcome, onMove, onEdit, onRemove }: RowProps) {
  const { t } = useTranslation();
  const partName = useBodyPartName();
  const nameOf = (list: readonly Ref[], id: string) => list.find((one) => one.id === id)?.name ?? id;
  const asks = [
    rule.modalities,
    rule.body_parts.map(partName),
    rule.words,
    rule.kinds.map((kind) => t(`kind.${kind}`)),
    rule.urgencies.map((urgency) => t(`urgency.${urgency}`)),
    rule.requesting.map((id) => nameOf(hospitals, id)),
    rule.languages.map((language) => t(`assignment.language.${language}`)),
  ].filter((list) => list.length > 0);
  const whom = rule.to.who === 'people' ? rule.to.people.map((id) => nameOf(people, id)).join(t('common.listSeparator')) : t(`assignment.target.${rule.to.who}`);
  const to = [whom, rule.subspecialties.map((one) => t(`subspecialty.${one}`)).join(t('common.listSeparator'))].filter((part) => part !== '').join(' · ');
  return (
    <Table.Tr data-testid="rule">
      <Table.Td>{n}</Table.Td>
      <Table.Td>
        <strong>{rule.name}</strong> {rule.is_paused && <Chip>{t('assignment.paused')}</Chip>}{' '}
        {outcome !== null && <Chip tone={outcome === 'takes' ? 'active' : 'quiet'}>{t(`assignment.outcome.${outcome}`)}</Chip>}
      </Table.Td>
      <Table.Td data-label={t('assignment.asks')}>{asks.length === 0 ? t('assignment.anything') : asks.map((list) => list.join(t('common.listSeparator'))).join(' · ')}</Table.Td>
      <Table.Td data-label={t('assignment.to')}>{to}</Table.Td>
      <Table.Td>
        <Group gap={4} wrap="nowrap" justify="flex-end">
          <ActionIcon variant="subtle" color="gray" aria-label={t('assignment.up', { name: rule.name })} onClick={() => onMove(-1)}>
            <span aria-hidden>↑</span>
          </ActionIcon>
          <ActionIcon variant="subtle" color="gray" aria-label={t('assignment.down', { name: rule.name })} onClick={() => onMove(1)}>
            <span aria-hidden>↓</span>
          </ActionIcon>
          <Button size="compact-sm" variant="subtle" onClick={onEdit} aria-label={t('assignment.edit', { name: rule.name })}>
            {t('assignment.change')}
          </Button>
          <ActionIcon variant="subtle" color="gray" aria-label={t('assignment.remove', { name: rule.name })} onClick={onRemove}>
            <span aria-hidden>×</span>
          </ActionIcon>
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}
